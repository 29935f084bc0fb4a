"""Notice that a file has grown, read on in it, and wait for the next bytes: for `tail` and for the daemon."""

from jobd.growth.follower import Follower
from jobd.growth.notices import Growth
from jobd.growth.watch import Watch

__all__ = ["Follower", "Growth", "Watch"]
