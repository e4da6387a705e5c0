//! Leavers, managers and roles that change while requests are open, and the tick that follows them.
