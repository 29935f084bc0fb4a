"""The rules of jobd: pure, without I/O, clock, randomness or logging; time and ids come in as arguments."""
