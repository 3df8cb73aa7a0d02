/*
 * Lets people find customers in the table, and copy or save the results. Everything else is in the HTML already.
 *
 * Every value comes from outside and is text: it enters the document only as textContent, in a <bdi>, so that direction
 * marks in it do not reverse the text around it. DataTables treats strings as HTML wherever it can, so it gets nodes to
 * show, no titles, and no texts to search: the texts to search are kept here.
 */
"use strict";
(() => {
  const MAX_CELL = 160; // characters
  const MAX_DETAIL = 4000;
  const SHOWN = ["change", "row", "customer_id", "company_name", "platform_key", "state", "email", "link_url", "error", "updated_at"];
  const PRIORITIES = { company_name: 1, state: 2, change: 3, customer_id: 4, link_url: 5, error: 6, platform_key: 7, email: 8, updated_at: 9, row: 10 };
  const FORMATTED = ["change", "platform_key", "state", "link_url"]; // cells whose text differs from the value
  const LABELS = { customer_id: "customer", company_name: "company", platform_key: "platform", link_url: "link", updated_at: "updated" };

  const element = (id) => document.getElementById(id);
  const parse = (id) => JSON.parse(element(id).textContent);
  const facts = parse("facts");
  const columns = decodeColumns(parse("data"));
  const names = columns.map((column) => column.name);
  const at = Object.fromEntries(names.map((name, index) => [name, index]));
  const rows = Array.from({ length: columns[0].values.length }, (_, n) => columns.map((column) => column.values[n]));
  const written = Date.parse(facts.written);

  /* Decodes the columns that encoding.py encoded. */
  function decodeColumns(encoded) {
    for (const column of encoded) {
      const { words, same_as: other, prefix = "", values } = column;
      column.values = values.map((value, n) => {
        if (value === null || words) return value === null ? null : words[value];
        if (other !== undefined && value === 0) return encoded[other].values[n];
        return typeof value === "string" ? prefix + value : value;
      });
    }
    return encoded;
  }

  function create(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  function shorten(text, most) {
    return text.length <= most ? text : text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "") + "…";
  }

  /* Returns a value as text that can wrap inside an address. The tooltip of a shortened value says where all of it is. */
  function valueNode(value, most = MAX_CELL) {
    const text = value === null ? "" : String(value);
    const title = text.length > most ? `${text.length.toLocaleString("en")} characters; results.csv has all of them` : "";
    const parts = shorten(text, most).split(/(?<=[@.])/);
    return create("bdi", { title }, ...parts.flatMap((part, n) => (n ? [create("wbr"), part] : [part])));
  }

  const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  const formatTime = (text) => text.replace("T", " ").replace(/:\d\dZ$/, " UTC");
  const label = (name) => (facts.columns.includes(name) ? (LABELS[name] ?? name).replaceAll("_", " ") : name);
  const platformName = (key) => facts.platforms[key] ?? key;
  // A rejected row has no platformKey, but the text of its cell.
  const platformText = (row) => platformName(row[at.platform_key]) ?? row[at.platform];
  const announce = (text) => { element("live").textContent = text; };

  /* Copying. Some browsers have no clipboard for a page that is opened from a file. Then a selection is copied. */
  async function copyText(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const before = document.activeElement;
      const field = create("textarea", { className: "unseen", value: text, readOnly: true });
      document.body.append(field);
      field.select();
      const isDone = document.execCommand("copy");
      field.remove();
      before?.focus();
      return isDone;
    }
  }

  async function copy(button, text, what) {
    const isDone = await copyText(text);
    const before = button.dataset.label ??= button.textContent;
    button.textContent = isDone ? "Copied" : before;
    announce(isDone ? `Copied ${what}.` : `Could not copy ${what}.`);
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  /* LinkUrls. They are valid until they expire by this clock, or by the clock of the machine that wrote the page. */
  function isLinkUrl(url) {
    try {
      const { protocol, hostname } = new URL(url);
      return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
    } catch {
      return false;
    }
  }

  /* Without a one-time password, a linkUrl never expires. */
  const neverExpires = (row) => row[at.link_expires_at] === null && !row[at.link_url].includes("otp=");

  const isExpired = (row) =>
    !neverExpires(row) && !(Date.parse(row[at.link_expires_at]) > Math.max(Date.now(), written));

  function linkStatus(row) {
    if (row[at.state] !== "link_ready") return "";
    if (row[at.link_url] === null) return "missing";
    if (!isLinkUrl(row[at.link_url])) return "not a linkUrl";
    return isExpired(row) ? "expired" : "valid";
  }

  function linkCell(row) {
    const [status, node] = [linkStatus(row), create("span")];
    if (status !== "valid") {
      node.append(create("span", { className: status === "expired" ? "expired" : "", textContent: status }));
      return node;
    }
    const button = create("button", { type: "button", className: "copy", textContent: "Copy link" });
    const what = `the link of ${shorten(row[at.customer_id], MAX_CELL)}`;
    button.ariaLabel = `Copy ${what}`;
    button.addEventListener("click", () => {
      if (!isExpired(row)) return copy(button, row[at.link_url], what);
      button.replaceWith(create("span", { className: "expired", textContent: "expired" }));
      return announce(`${what} has expired.`);
    });
    const until = neverExpires(row) ? "never expires" : `until ${formatTime(row[at.link_expires_at])}`;
    node.append(button, create("span", { className: "until", textContent: until }));
    return node;
  }

  function stateCell(state) {
    const dot = create("i", { className: `dot ${state.replaceAll("_", "-")}`, ariaHidden: "true" });
    return create("span", { className: "state" }, dot, state);
  }

  function cell(name, row) {
    const value = row[at[name]];
    if (name === "link_url") return linkCell(row);
    if (name === "state") return stateCell(value);
    if (name === "change") return valueNode(value?.replaceAll("_", " ") ?? null);
    if (name === "platform_key") return valueNode(platformText(row));
    if (name.endsWith("_at") && value) return valueNode(formatTime(value));
    return valueNode(value);
  }

  /* Returns the value by which a column is sorted. */
  function sortKey(name, row) {
    if (name === "platform_key") return platformText(row) ?? "";
    if (name === "link_url") return linkStatus(row) && `${linkStatus(row)} ${row[at.link_expires_at] ?? ""}`;
    return row[at[name]] ?? "";
  }

  function moreButton(row) {
    const button = create("button", { type: "button", className: "more", ariaExpanded: "false" });
    button.ariaLabel = `Details of ${shorten(row[at.customer_id] ?? `row ${row[at.row]}`, MAX_CELL)}`;
    return button;
  }

  /* Returns the values of a row that its cells do not show, or only show shortened. */
  function details(row, visible) {
    const list = create("dl", { className: "details" });
    names.forEach((name, index) => {
      const value = row[index];
      const isWhole = visible.has(name) && (FORMATTED.includes(name) || String(value).length <= MAX_CELL);
      if (value === null || value === "" || isWhole) return;
      const node = FORMATTED.includes(name) ? cell(name, row) : valueNode(value, MAX_DETAIL);
      list.append(create("div", {}, create("dt", {}, valueNode(label(name))), create("dd", {}, node)));
    });
    return list;
  }

  /* The table. */
  const ordered = [...SHOWN.filter((name) => name in at), ...names.filter((name) => !SHOWN.includes(name))];
  const FIRST = 1; // the column of buttons is before them

  function column(name) {
    const isShown = SHOWN.includes(name);
    return {
      data: at[name],
      render: (_, kind, row) => (kind === "display" ? cell(name, row) : sortKey(name, row)),
      type: name === "row" || name === "attempts" ? "num" : "string",
      className: isShown ? `is-${name}` : "",
      ariaTitle: label(name),
      responsivePriority: PRIORITIES[name],
      searchable: false,
      visible: isShown,
    };
  }

  const buttons = { data: null, render: (_, kind, row) => (kind === "display" ? moreButton(row) : ""), className: "is-more all" };
  // Responsive opens details only if it hides a column. This one is empty and always hidden.
  const alwaysHidden = { data: null, render: () => "", className: "none" };
  const unordered = { type: "string", orderable: false, searchable: false };

  element("list").hidden = false;
  const head = element("table").tHead.rows[0];
  const moreHeader = create("th", { scope: "col" }, create("span", { className: "unseen", textContent: "details" }));
  head.append(moreHeader, ...ordered.map((name) => create("th", { scope: "col", textContent: label(name) })), create("th"));
  DataTable.ext.errMode = "throw";
  const table = new DataTable("#table", {
    data: rows,
    columns: [{ ...buttons, ...unordered }, ...ordered.map(column), { ...alwaysHidden, ...unordered }],
    autoWidth: false,
    order: [],
    orderClasses: false,
    pageLength: 25,
    layout: { topStart: null, topEnd: null, bottomStart: "pageLength", bottomEnd: "paging" },
    language: { emptyTable: "No customers.", zeroRecords: "No customer matches these filters.", lengthMenu: "_MENU_ rows per page" },
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
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();
  const foldedTexts = new Map();
  const filters = { change: "change", state: "state", platform: "platform_key" };
  const errors = new Map(facts.errors.map((each) => [each.key, { ...each, rows: new Set(each.rows) }]));
  let [searchWords, selected, selectedError] = [[], [], undefined];

  function foldedText(row) {
    if (!foldedTexts.has(row)) foldedTexts.set(row, fold([...row, platformName(row[at.platform_key])].join("\n")));
    return foldedTexts.get(row);
  }

  function addOptions(id, values, format = String) {
    const present = values.filter((value) => value !== null && value !== undefined);
    element(id)?.append(...present.map((value) => create("option", { value, textContent: shorten(format(value), MAX_CELL) })));
  }

  /* Returns whether a row belongs to a group of errors. The page knows the numbers of rows with invalid cells. */
  function hasError(row, { key, kinds, rows: numbers, has_gone: hasGone }) {
    if (kinds.length) {
      const isDeleted = row[at.connection_status] === "Deleted";
      return kinds.some(([state, step, code, deleted]) =>
        row[at.state] === state && (row[at.error_step] ?? "") === step && row[at.error_code] === code && isDeleted === deleted);
    }
    if (!["rejected", "conflict"].includes(row[at.state])) return false;
    return row[at.row] === null ? hasGone && row[at.error_code] === key : numbers.has(row[at.row]);
  }

  function applyFilters() {
    searchWords = fold(element("search").value).split(/\s+/).filter(Boolean);
    selected = Object.entries(filters).filter(([id]) => element(id)?.value).map(([id, name]) => [at[name], element(id).value]);
    selectedError = errors.get(element("error")?.value);
    table.draw();
  }

  const values = (name) => [...new Set(name in at ? columns[at[name]].values : [])];
  addOptions("change", values("change").sort(), (value) => value.replaceAll("_", " "));
  addOptions("state", facts.states.filter((state) => values("state").includes(state)));
  addOptions("platform", values("platform_key").sort((a, b) => (platformName(a) < platformName(b) ? -1 : 1)), platformName);
  addOptions("error", [...errors.keys()], (key) => errors.get(key).label);
  addOptions("sort", ordered, label);
  table.search.fixed("page", (_, row) =>
    selected.every(([index, value]) => row[index] === value) && (!selectedError || hasError(row, selectedError))
    && searchWords.every((word) => foldedText(row).includes(word)));

  function applySort() {
    const name = element("sort").value;
    table.order(name ? [[ordered.indexOf(name) + FIRST, element("direction").value]] : []).draw();
  }

  function clearFilters() {
    for (const id of ["search", "error", ...Object.keys(filters)]) if (element(id)) element(id).value = "";
    applyFilters();
  }

  /* The address of a view: the fragment has its filters and order, so that it can be shared, and Back returns to it. */
  const VIEW = "#show?";
  const FIELDS = ["search", "error", ...Object.keys(filters), "sort", "direction"].filter(element);

  function rememberView({ replaces = false } = {}) {
    const fields = FIELDS.filter((id) => element(id).value && (id !== "direction" || element("sort").value));
    const view = String(new URLSearchParams(fields.map((id) => [id, element(id).value])));
    const address = view ? VIEW + view : "#customers";
    if (address === location.hash || !(view || location.hash.startsWith(VIEW))) return;
    history[replaces ? "replaceState" : "pushState"](null, "", address);
  }

  function restoreView() {
    const isView = location.hash.startsWith(VIEW);
    if (!isView && !["", "#customers"].includes(location.hash)) return; // another part of the page
    const view = new URLSearchParams(isView ? location.hash.slice(VIEW.length) : "");
    for (const id of FIELDS) element(id).value = view.get(id) ?? (id === "direction" ? "asc" : "");
    applySort(); // first, because drawing resets the fields of the order
    applyFilters();
    if (isView) element("customers").scrollIntoView();
  }

  table.on("draw", () => {
    const { recordsDisplay: shown, recordsTotal: all } = table.page.info();
    element("count").textContent = `${shown.toLocaleString("en")} of ${count(all, "row")}`;
  });
  table.on("order", () => {
    const [first] = table.order();
    const [name, before] = [first ? ordered[first[0] - FIRST] : "", element("sort").value + element("direction").value];
    element("sort").value = name;
    if (first) element("direction").value = first[1];
    if (element("sort").value + element("direction").value !== before) rememberView({ replaces: true });
  });

  /* CSV, byte for byte as in results.csv: a byte order mark, formulas escaped, quotes where needed, an empty text distinct from a null. */
  const formula = new RegExp(`^'*${facts.formula}`, "u");

  function csvCell(value) {
    if (value === null) return "";
    const text = typeof value === "string" && formula.test(value) ? `'${value}` : String(value);
    return text === "" || /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function download() {
    const found = table.rows({ search: "applied", order: "applied" }).data().toArray();
    const csv = [names, ...found].map((row) => `${row.map(csvCell).join(",")}\n`);
    const address = URL.createObjectURL(new Blob(["\ufeff", ...csv], { type: "text/csv;charset=utf-8" }));
    create("a", { href: address, download: `${shorten(facts.batch, MAX_CELL)} customers.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    announce(`Saved ${count(found.length, "row")} as CSV.`);
  }

  element("search").addEventListener("input", applyFilters);
  element("search").addEventListener("change", () => rememberView());
  for (const id of ["error", ...Object.keys(filters)]) {
    element(id)?.addEventListener("change", () => { applyFilters(); rememberView(); });
  }
  for (const id of ["sort", "direction"]) {
    element(id).addEventListener("change", () => { applySort(); rememberView({ replaces: true }); });
  }
  element("clear").addEventListener("click", () => { clearFilters(); rememberView(); });
  element("download").addEventListener("click", download);
  for (const each of document.querySelectorAll("[data-copy]")) {
    each.hidden = false;
    each.addEventListener("click", () => copy(each, each.dataset.copy, each.dataset.what));
  }
  for (const each of document.querySelectorAll("[data-filter]")) {
    each.hidden = false;
    each.addEventListener("click", () => {
      clearFilters();
      element(each.dataset.filter).value = each.dataset.value;
      applyFilters();
      rememberView();
      element("customers-title").focus();
      element("customers").scrollIntoView();
    });
  }
  addEventListener("popstate", restoreView);
  table.draw();
  if (location.hash.startsWith(VIEW)) restoreView();
})();
