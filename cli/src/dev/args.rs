//! What the command line of `approvals dev` says.

use std::path::PathBuf;

use super::doors::Doors;
use crate::fence::Allowed;

/// What the command line says.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Port of 127.0.0.1; 0: any that is free.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Open DynamoDB to other processes on this port of 127.0.0.1 (0: any that is free): for `sam local` and the AWS CLI.
    #[arg(long, value_name = "PORT")]
    pub dynamodb_port: Option<u16>,
    /// Where everything is kept.
    #[arg(long, default_value = "./.approvals", value_name = "DIR")]
    pub data: PathBuf,
    /// Start a clock that stands still at this time until `POST /_dev/clock` moves it: RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub clock: Option<String>,
    /// Fill an empty service with people, roles, templates and requests to play with.
    #[arg(long, overrides_with = "demo")]
    pub demo: bool,
    /// Let webhook endpoints name addresses of this machine, such as http://127.0.0.1:9000/, and send to those. Others are only shown
    /// in /_dev/outbox, as without this.
    #[arg(long)]
    pub webhooks_to_loopback: bool,
    /// Tell a bus of this name how requests end, as EVENT_BUS does on AWS: shown in /_dev/outbox.
    #[arg(long, value_name = "NAME")]
    pub event_bus: Option<String>,
    /// Take at most so many commands of one person in a minute, as CommandsPerMinute does on AWS; 0: as many as they like, which replays and
    /// imports need.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub commands_per_minute: u32,
    /// Take at most so many commands of all people of a tenant in a minute, as TenantCommandsPerMinute does on AWS; 0: as many as they like.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub tenant_commands_per_minute: u32,
    /// How people log in.
    #[command(flatten)]
    pub doors: Doors,
    /// Who may call besides this machine's own programs.
    #[command(flatten)]
    pub allowed: Allowed,
}
