//! What people live through, end to end over HTTP on the embedded engine, with a clock the test moves.

mod inbox;
mod own_request;
mod vacation;
