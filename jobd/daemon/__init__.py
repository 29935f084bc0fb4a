"""All side effects of jobd: the parts know the core and not one another; the engine joins them."""
