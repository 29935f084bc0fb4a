"""The tests of jobd; their folders mirror the package."""
