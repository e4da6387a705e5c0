//! The binary `approvals`.

fn main() -> std::process::ExitCode {
    cli::main()
}
