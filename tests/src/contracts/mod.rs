//! What callers may rely on: the API's description, and what every operation does for everybody.

mod answers;
mod bad_input;
mod every_operation;
mod openapi;
