/*
 * The one thing that the page does besides showing: it lets people find customers in the table, and copy and save what
 * they have found. Everything else stands in the HTML already.
 *
 * Every value comes from outside and is text: it gets into the document by textContent alone, in a <bdi>, so that marks
 * of direction in it turn nothing else around. DataTables takes strings for HTML wherever it can, so it is given nodes
 * to show, no titles, and no texts to search: what is searched is kept here.
 */
"use strict";
(() => {
  const MOST = 160; // characters of a cell
  const MOST_IN_DETAILS = 4000;
  const SHOWN = ["change", "row", "customer_id", "company_name", "platform_key", "state", "email", "link_url", "error", "updated_at"];
  const PRIORITIES = { company_name: 1, state: 2, change: 3, customer_id: 4, link_url: 5, error: 6, platform_key: 7, email: 8, updated_at: 9, row: 10 };
  const DRAWN = ["change", "platform_key", "state", "link_url"]; // not as they are
  const LABELS = { customer_id: "customer", company_name: "company", platform_key: "platform", link_url: "link", updated_at: "updated" };

  const element = (id) => document.getElementById(id);
  const parsed = (id) => JSON.parse(element(id).textContent);
  const facts = parsed("facts");
  const columns = decoded(parsed("data"));
  const names = columns.map((column) => column.name);
  const at = Object.fromEntries(names.map((name, index) => [name, index]));
  const rows = Array.from({ length: columns[0].values.length }, (_, n) => columns.map((column) => column.values[n]));
  const written = Date.parse(facts.written);

  /* Take the columns apart that customers.py has put together. */
  function decoded(packed) {
    for (const column of packed) {
      const { words, like, prefix = "", values } = column;
      column.values = values.map((value, n) => {
        if (value === null || words) return value === null ? null : words[value];
        if (like !== undefined && value === 0) return packed[like].values[n];
        return typeof value === "string" ? prefix + value : value;
      });
    }
    return packed;
  }

  function made(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  function cut(text, most) {
    return text.length <= most ? text : text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "") + "…";
  }

  /* A value as text, however long, that may break in an address; a cut one tells on pointing at it where the rest is. */
  function said(value, most = MOST) {
    const text = value === null ? "" : String(value);
    const more = text.length > most ? `${text.length.toLocaleString("en")} characters; results.csv has all of them` : "";
    const parts = cut(text, most).split(/(?<=[@.])/);
    return made("bdi", { title: more }, ...parts.flatMap((part, n) => (n ? [made("wbr"), part] : [part])));
  }

  const shownTime = (text) => text.replace("T", " ").replace(/:\d\dZ$/, " UTC");
  const label = (name) => (facts.columns.includes(name) ? (LABELS[name] ?? name).replaceAll("_", " ") : name);
  const platform = (key) => facts.platforms[key] ?? key;
  const announce = (text) => { element("live").textContent = text; };

  /* Copying. Pages that are opened from a file have no clipboard in some browsers; there a selection is copied. */
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const before = document.activeElement;
      const field = made("textarea", { className: "unseen", value: text, readOnly: true });
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      before?.focus();
      return done;
    }
  }

  async function copy(button, text, what) {
    const done = await copied(text);
    const before = button.dataset.label ??= button.textContent;
    button.textContent = done ? "Copied" : before;
    announce(done ? `Copied ${what}.` : `${what} could not be copied.`);
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  /* LinkUrls. They are good until they expire by this clock, or by the one that wrote the page. */
  function isLinkUrl(url) {
    try {
      const { protocol, hostname } = new URL(url);
      return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
    } catch {
      return false;
    }
  }

  const isExpired = (row) => !(Date.parse(row[at.link_expires_at]) > Math.max(Date.now(), written));

  function link(row) {
    if (row[at.state] !== "link_ready") return "";
    if (row[at.link_url] === null) return "to be renewed";
    if (!isLinkUrl(row[at.link_url])) return "not a linkUrl";
    return isExpired(row) ? "expired" : "good";
  }

  function linkCell(row) {
    const [standing, node] = [link(row), made("span")];
    if (standing !== "good") {
      node.append(made("span", { className: standing === "expired" ? "expired" : "", textContent: standing }));
      return node;
    }
    const button = made("button", { type: "button", className: "copy", textContent: "Copy link" });
    const whose = `the link of ${cut(row[at.customer_id], MOST)}`;
    button.ariaLabel = `Copy link of ${cut(row[at.customer_id], MOST)}`;
    button.addEventListener("click", () => {
      if (!isExpired(row)) return copy(button, row[at.link_url], whose);
      button.replaceWith(made("span", { className: "expired", textContent: "expired" }));
      return announce(`${whose} has expired.`);
    });
    node.append(button, made("span", { className: "until", textContent: `until ${shownTime(row[at.link_expires_at])}` }));
    return node;
  }

  function stateCell(state) {
    const dot = made("i", { className: `dot ${state.replaceAll("_", "-")}`, ariaHidden: "true" });
    return made("span", { className: "state" }, dot, state);
  }

  function cell(name, row) {
    const value = row[at[name]];
    if (name === "link_url") return linkCell(row);
    if (name === "state") return stateCell(value);
    if (name === "change") return said(value?.replaceAll("_", " ") ?? null);
    if (name === "platform_key") return said(platform(value));
    if (name.endsWith("_at") && value) return said(shownTime(value));
    return said(value);
  }

  /* What a column is sorted by. */
  function key(name, row) {
    if (name === "platform_key") return platform(row[at[name]]) ?? "";
    if (name === "link_url") return link(row) && `${link(row)} ${row[at.link_expires_at]}`;
    return row[at[name]] ?? "";
  }

  function moreButton(row) {
    const button = made("button", { type: "button", className: "more", ariaExpanded: "false" });
    button.ariaLabel = `Details of ${cut(row[at.customer_id] ?? `row ${row[at.row]}`, MOST)}`;
    return button;
  }

  /* All that a row has and its cells do not show, and whole where those are cut. */
  function details(row, visible) {
    const list = made("dl", { className: "details" });
    names.forEach((name, index) => {
      const value = row[index];
      const isWhole = visible.has(name) && (DRAWN.includes(name) || String(value).length <= MOST);
      if (value === null || value === "" || isWhole) return;
      const node = DRAWN.includes(name) ? cell(name, row) : said(value, MOST_IN_DETAILS);
      list.append(made("div", {}, made("dt", {}, said(label(name))), made("dd", {}, node)));
    });
    return list;
  }

  /* The table. */
  const ordered = [...SHOWN.filter((name) => name in at), ...names.filter((name) => !SHOWN.includes(name))];
  const FIRST = 1; // the column of the buttons stands before them

  function column(name) {
    const isShown = SHOWN.includes(name);
    return {
      data: at[name],
      render: (_, kind, row) => (kind === "display" ? cell(name, row) : key(name, row)),
      type: name === "row" || name === "attempts" ? "num" : "string",
      className: isShown ? `is-${name}` : "",
      ariaTitle: label(name),
      responsivePriority: PRIORITIES[name],
      searchable: false,
      visible: isShown,
    };
  }

  const button = { data: null, render: (_, kind, row) => (kind === "display" ? moreButton(row) : ""), className: "is-more all" };
  // Responsive opens details only where it hides a column. This one is empty and always hidden.
  const rest = { data: null, render: () => "", className: "none" };
  const unordered = { type: "string", orderable: false, searchable: false };

  element("list").hidden = false;
  const head = element("table").tHead.rows[0];
  const more = made("th", { scope: "col" }, made("span", { className: "unseen", textContent: "details" }));
  head.append(more, ...ordered.map((name) => made("th", { scope: "col", textContent: label(name) })), made("th"));
  DataTable.ext.errMode = "throw";
  const table = new DataTable("#table", {
    data: rows,
    columns: [{ ...button, ...unordered }, ...ordered.map(column), { ...rest, ...unordered }],
    autoWidth: false,
    order: [],
    orderClasses: false,
    pageLength: 25,
    layout: { topStart: null, topEnd: null, bottomStart: "pageLength", bottomEnd: "paging" },
    language: { emptyTable: "No customers.", zeroRecords: "No customer fits these filters.", lengthMenu: "_MENU_ rows a page" },
    responsive: {
      details: {
        type: "column",
        target: "button.more",
        renderer: (api, index, cells) => {
          const hidden = new Set(cells.filter((each) => each.hidden).map((each) => ordered[each.columnIndex - FIRST]));
          return details(api.row(index).data(), new Set(SHOWN.filter((name) => name in at && !hidden.has(name))));
        },
      },
    },
  });
  table.on("responsive-display", (_, api, row, isOpen) => {
    row.node().querySelector(".more").ariaExpanded = String(isOpen);
  });

  /* Filters. */
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();
  const texts = new Map();
  const filters = { change: "change", state: "state", platform: "platform_key" };
  let [words, chosen] = [[], []];

  function text(row) {
    if (!texts.has(row)) texts.set(row, folded([...row, platform(row[at.platform_key])].join("\n")));
    return texts.get(row);
  }

  function options(id, values, shown = String) {
    const present = values.filter((value) => value !== null && value !== undefined);
    element(id)?.append(...present.map((value) => made("option", { value, textContent: cut(shown(value), MOST) })));
  }

  function filtered() {
    words = folded(element("search").value).split(/\s+/).filter(Boolean);
    chosen = Object.entries(filters).filter(([id]) => element(id)?.value).map(([id, name]) => [at[name], element(id).value]);
    table.draw();
  }

  const values = (name) => [...new Set(name in at ? columns[at[name]].values : [])];
  options("change", values("change").sort(), (value) => value.replaceAll("_", " "));
  options("state", facts.states.filter((state) => values("state").includes(state)));
  options("platform", values("platform_key").sort((a, b) => (platform(a) < platform(b) ? -1 : 1)), platform);
  options("sort", ordered, label);
  table.search.fixed("page", (_, row) =>
    chosen.every(([index, value]) => row[index] === value) && words.every((word) => text(row).includes(word)));

  function sorted() {
    const name = element("sort").value;
    table.order(name ? [[ordered.indexOf(name) + FIRST, element("direction").value]] : []).draw();
  }

  function clear() {
    for (const id of ["search", ...Object.keys(filters)]) if (element(id)) element(id).value = "";
    filtered();
  }

  table.on("draw", () => {
    const { recordsDisplay: shown, recordsTotal: all } = table.page.info();
    element("count").textContent = `${shown.toLocaleString("en")} of ${all.toLocaleString("en")} rows`;
  });
  table.on("order", () => {
    const [first] = table.order();
    element("sort").value = first ? ordered[first[0] - FIRST] : "";
    if (first) element("direction").value = first[1];
  });

  /* CSV, as results.csv has it: guarded against formulas, quoted where it must be, an empty text told from none. */
  const formula = new RegExp(`^'*${facts.formula}`, "u");

  function csvCell(value) {
    if (value === null) return "";
    const text = typeof value === "string" && formula.test(value) ? `'${value}` : String(value);
    return text === "" || /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function download() {
    const found = table.rows({ search: "applied", order: "applied" }).data().toArray();
    const csv = [names, ...found].map((row) => `${row.map(csvCell).join(",")}\n`);
    const address = URL.createObjectURL(new Blob(csv, { type: "text/csv;charset=utf-8" }));
    made("a", { href: address, download: `${cut(facts.batch, MOST)} customers.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    announce(`Saved ${found.length.toLocaleString("en")} customers as CSV.`);
  }

  element("search").addEventListener("input", filtered);
  for (const id of Object.keys(filters)) element(id)?.addEventListener("change", filtered);
  for (const id of ["sort", "direction"]) element(id).addEventListener("change", sorted);
  element("clear").addEventListener("click", clear);
  element("download").addEventListener("click", download);
  for (const each of document.querySelectorAll("[data-copy]")) {
    each.hidden = false;
    each.addEventListener("click", () => copy(each, each.dataset.copy, each.dataset.what));
  }
  for (const each of document.querySelectorAll("[data-filter]")) {
    each.hidden = false;
    each.addEventListener("click", () => {
      clear();
      element(each.dataset.filter).value = each.dataset.value;
      filtered();
      element("customers-title").focus();
      element("customers").scrollIntoView();
    });
  }
  table.draw();
})();
