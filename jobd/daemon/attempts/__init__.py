"""The attempts of jobs: their directories, who runs them, and how they are started, measured and ended."""
