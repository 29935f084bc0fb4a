"""The place in a connection where one stream is written by those who tell it to many."""

from jobd.server.outlet import Outlet


class Listener:
    """One stream of one client; `call_id` is how the client names it, as JSON."""

    def __init__(self, call_id: bytes, outlet: Outlet) -> None:
        self.call_id = call_id
        self._outlet = outlet
        self.tell = outlet.write
        self.offer = outlet.offer
        self.room = outlet.wait_for_room
        self.hang_up = outlet.abort

    @property
    def heard(self) -> float:
        """When the client said something last, by the clock of the loop."""
        return self._outlet.heard
