//! Measurements against servers on loopback.
