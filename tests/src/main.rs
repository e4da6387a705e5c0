//! One package, one test binary.
//!
//! - `tidy`: the tree, its words and its documents keep the rules of the house;
//! - `races`: concurrent and lost calls, on a whole service (`stage`) whose network the test holds;
//! - `budget`: what the reference request costs, to the unit;
//! - `contracts`: the API's description, and what every operation does for everybody;
//! - `admin`: what administrators write;
//! - `archive`: no two roots of one size, no leaf lost, whatever dies and whoever writes beside;
//! - `faults`: what people reported of decisions, each under the name it was reported by;
//! - `limits`: what happens when one is reached;
//! - `deployment`: `template.yaml` and the code say the same;
//! - `events`: the payloads for `sam local`, each fed to its handler;
//! - `insider`: somebody who has the table: what they try is refused, not shown, or told by the archive;
//! - `journeys`: what people live through, end to end over HTTP;
//! - `directory_changes`: leavers, managers and roles that change while requests are open, and the tick that follows them;
//! - `notices`: who is told what, by whom a link can be pressed, and what becomes of both when anything fails;
//! - `time`: timers over the store: what fires, how often, at what cost, and what becomes of a tick that is late, doubled or killed;
//! - `pages`: whose form it is, what a session is worth, and what API Gateway makes of both;
//! - `screens`: the API behind screens: lists, summaries, people, and pages that can be read to their end;
//! - `replays`: a small log with an SLA, played against a whole service;
//! - more modules stand beside these as the parts they try to break arrive: wire.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod archive;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod contracts;
#[cfg(test)]
pub(crate) mod deployment;
#[cfg(test)]
mod directory_changes;
#[cfg(test)]
mod effects;
#[cfg(test)]
mod events;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod insider;
#[cfg(test)]
mod journeys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod races;
#[cfg(test)]
mod replays;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod time;
