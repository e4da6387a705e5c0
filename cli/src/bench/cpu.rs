//! Processor time of this process, split by thread: the engine's own, and the rest. Linux only; elsewhere there is no split.

use std::ops::Sub;

/// Processor seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cpu {
    /// Threads of the engine: SQLite, and the translation of calls that runs with it.
    pub(super) engine: f64,
    /// Everything else: routers, decisions, the SDK, the bench itself.
    pub(super) ours: f64,
}

impl Sub for Cpu {
    type Output = Self;
    fn sub(self, before: Self) -> Self {
        Self { engine: self.engine - before.engine, ours: self.ours - before.ours }
    }
}

/// Clock ticks a second, as Linux reports processor times to programs.
const TICKS: f64 = 100.0;

/// Reads `/proc/self/task/*/stat`.
pub(super) fn read() -> Option<Cpu> {
    let mut cpu = Cpu { engine: 0.0, ours: 0.0 };
    for entry in std::fs::read_dir("/proc/self/task").ok()? {
        let Ok(stat) = std::fs::read_to_string(entry.ok()?.path().join("stat")) else { continue };
        // The name stands in parentheses and may hold anything; fields are counted after it.
        let (head, tail) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1;
        let ticks: u64 = tail.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        #[allow(clippy::cast_precision_loss, reason = "ticks of a short run")]
        let seconds = ticks as f64 / TICKS;
        if name.starts_with("engine") { cpu.engine += seconds } else { cpu.ours += seconds }
    }
    Some(cpu)
}
