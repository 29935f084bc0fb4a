"""The rules of jobd: pure, without I/O, clock, randomness or logging; time and ids come in as arguments.

    errors, text      what can be refused, and values without loss; quantities, series and settings are as basic
    work              what a job says of its work: reports, items and stages, taken in as its progress
    estimates         when it will end, as its own pace and earlier runs tell
    model             the records: all that is known of a job
    events            what can happen to it, one class each; `happening` says what an event is
    states            which event leads to which state: the table
    lifecycle         what may happen next, and the one way in which an event changes a record
    reconcile         what a daemon does about each attempt that it finds: a table, too
    families, staleness, retries, schedule, telling   rules of their own, each of one thing
    views, showing    the stable JSON of a job, and how it is made
    filters           the language in which jobs are chosen
    history           searches, pages, statistics, and how long what has ended is kept
    subscriptions     what is followed live

No room reaches itself again through another one.
"""
