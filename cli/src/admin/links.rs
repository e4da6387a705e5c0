//! `approvals admin rotate-links`: a new key for action links.

use approvals::runtime::entropy::Entropy;
use approvals::store::{Stores, Table};
use serde_json::json;

use super::aws::Access;
use crate::client::Client;
use crate::dev;
use crate::failure::Failure;
use crate::options::Shared;
use crate::output::Shown;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The table of a stack on AWS: its output `TableName` [default: the development server at --url].
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
}

pub(super) fn run(args: &Args, shared: &Shared) -> Result<Shown, Failure> {
    match &args.table {
        None => drop(super::ask_dev(&Client::new(&shared.url, None)?, "rotate-links", &json!({}))?),
        Some(table) => {
            let stores = Stores::new(Table::new(Access::from_env()?.dynamodb(), table.as_str()));
            let rotated = dev::runtime()?.block_on(stores.links.rotate_keys(&Entropy::system()));
            rotated.map_err(|error| Failure::Unreachable { url: table.clone(), cause: error.to_string() })?;
        }
    }
    let text = "New links are made with a new key. Links made with the key before it stay good until the next rotation.";
    Ok(Shown { body: json!({ "rotated": true }).to_string(), text: text.to_owned() })
}
