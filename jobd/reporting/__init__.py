"""What a Python program calls to say how far it is: `jobd.track`, `jobd.job`, `jobd.tracked`.

    lines         what is said, as report lines
    doubts        warnings of numbers that cannot be
    channels      where lines go: the report file of the surrounding job, or a job begun through the daemon
    outbox        what waits to be said, gathered
    courier       the one thread that says it, now and then
    surroundings  which outbox a call means
    job, item     a block of a program, and what it works on
    tracking      a loop
    tracked       a job around each call of a function

Without a daemon nothing happens, in silence; nothing here ever waits for the daemon while an event loop runs. Only the
standard library is loaded, unless a job is begun.
"""
