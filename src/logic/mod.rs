//! Pure decisions: no clock, randomness, socket or file; time comes in as a value.
