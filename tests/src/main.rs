//! One package, one test binary.
//!
//! - `tidy`: the tree, its words and its documents keep the rules of the house;
//! - more modules stand beside it as the parts they try to break arrive: contracts, journeys, races, replays, wire.

#[cfg(test)]
mod tidy;
