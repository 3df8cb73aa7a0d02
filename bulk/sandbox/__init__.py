"""A local sandbox that behaves like Codat, for trying bulk out and for testing it.

It imports nothing else from bulk, so that a misunderstanding of Codat in bulk fails here instead of being shared.

    rules, query, platforms   PURE  names, tags, the query language, platform keys
    bodies                    PURE  responses: companies, connections, pages, errors
    faults                    PURE  the fault that applies to a request
    signing                   PURE  the signature of an event
    options, folder, clock          its settings, the folder of its state, its time of day
    store, idempotency              its state, in one SQLite file
    changes, outbox                 changes to connections, and the events that announce them
    operations                      the work of each operation
    webhooks                        sends the events
    limits, exchange                one request, from its arrival to its response
    pages, control                  the customer's pages in the browser, the endpoints for the command line
    app, server, launch             the routes, the process, its start from another program
    customers, command              customers who authorize, the command line
"""
