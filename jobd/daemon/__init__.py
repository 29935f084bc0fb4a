"""All side effects of jobd: the parts know the core and not one another; the engine joins them.

    system      processes, trees, control groups and clocks, as the operating system tells of them
    storage     the SQLite file, and the only SQL
    attempts    the processes of jobs and their directories: started, watched, measured, ended
    telling     who follows the log, what each of them wants to hear, and who watches
    remembered  what is known of jobs: those that live from memory, the others from the file
    engine      the gate, `record`; recorder, orders, recovery and reports bring and follow what it records
    upkeep      the slow clock, and what happens by itself: what is due, what fell silent, what is settled, what goes
    life        the daemon itself: start, settings, socket, restart, end

A room imports only from those above it; storage, attempts and telling do not know one another.
"""
