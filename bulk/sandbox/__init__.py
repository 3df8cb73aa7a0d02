"""A stand-in for Codat on loopback, for trying bulk out and for testing it.

It imports nothing else from bulk: what bulk understands wrongly about Codat must fail here, not be shared.

    rules, query, platforms   PURE  what Codat accepts: names, tags, the query language, platform keys
    bodies                    PURE  what Codat answers: companies, connections, pages, errors
    faults                    PURE  which misfortune befalls which request
    signing, past             PURE  how an event is signed; the state as a list that lags shows it
    options, folder, clock          how it is set up, where its state is, what time it has
    store, idempotency, limits      what it remembers, all in one SQLite file
    changes, outbox                 what happens to connections, and the events that tell of it
    operations                      what each operation does to that state
    webhooks                        sends the events
    exchange                        one request from its arrival to its answer, or to the lack of one
    pages, control, stats           the customer's pages in the browser, the handles for tests, the counts
    app, server, launch             the routes, the process, how another program starts it
    customers, command              customers who authorize, the command line
"""
