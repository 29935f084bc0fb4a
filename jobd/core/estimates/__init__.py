"""When a job will end: its own pace and earlier runs of its name, and how far either is to be believed."""
