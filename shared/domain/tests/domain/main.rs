//! The promises of the pure core, as given / when / then over an in-memory directory.
//!
//! `world` answers questions of fact, `desk` runs the loop of load → decide → commit as the shell does, and after every commit `checks`
//! asserts what must always hold: the verifier's replay, the fold, the form of the bytes, the invariants.
#![cfg(test)]

mod bounds;
mod checks;
mod chronicle;
mod clock;
mod conduct;
mod delegation;
mod desk;
mod directory;
mod effect;
mod effect_order;
mod erasure;
mod golden;
mod lifecycle;
mod paper;
mod precedence;
mod quorum;
mod random;
mod reference;
mod refusals;
mod rounds;
mod routing;
mod rulings;
mod separation;
mod sight;
mod sizes;
mod strategies;
mod words;
mod world;
