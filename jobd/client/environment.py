"""Which variables of the environment are no settings, and what a surrounding job says to its processes."""

#: What a surrounding job says to its processes, and a service manager to a service: a daemon started there is neither.
OF_A_JOB = frozenset(
    "JOBD_ARRAY_INDEX JOBD_ATTEMPT JOBD_COOKIE JOBD_ENTRY JOBD_FD JOBD_GROUP JOBD_ITEMS JOBD_JOB_ID JOBD_JOB_NAME "
    "JOBD_REPORT JOBD_SLOT JOBD_SOCKET JOBD_SUBMIT_DIR LISTEN_FDNAMES LISTEN_FDS LISTEN_PID NOTIFY_SOCKET".split()
)
#: Variables of jobd that set nothing in the configuration.
NO_SETTINGS = OF_A_JOB | {"JOBD_AUTOSTART", "JOBD_DIR"}
