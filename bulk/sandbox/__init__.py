"""A local sandbox that behaves like Codat, for trying bulk out and for testing it.

It imports nothing else from bulk: a misunderstanding of Codat in bulk must fail here instead of being shared.

    rules, query, platforms   PURE  names, tags, the query language, platform keys
    bodies                    PURE  responses: companies, connections, pages, errors
    faults                    PURE  which fault happens to which request
    signing                   PURE  the signature of an event
    options, folder, clock          how it is set up, where its state is, its time of day
    store, idempotency              its state, in one SQLite file
    changes, outbox                 changes of connections, and the events that announce them
    operations                      the work of each operation
    webhooks                        sends the events
    limits, exchange                one request, from its arrival to its response or the lack of one
    pages, control                  the customer's pages in the browser, the handles for the command line
    app, server, launch             the routes, the process, how another program starts it
    customers, command              customers who authorize, the command line
"""
