//! One package, one test binary.
//!
//! - `tidy`: the tree, its words and its documents keep the rules of the house;
//! - `races`: concurrent and lost calls, on a whole service (`stage`) whose network the test holds;
//! - more modules stand beside these as the parts they try to break arrive: contracts, journeys, replays, wire.

#[cfg(test)]
mod races;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tidy;
