"""When things fire: pure rules over time. No clock, no database, no I/O, the standard library only."""
