"""The tests of the IETF draft by their numbers; importing this enters them all."""
