//! The first screen: where it runs, a token, and lines that work when pasted.

use std::io::Write;
use std::net::SocketAddr;

use super::{Args, Error, Local, TABLE};
use crate::engine::Loopback;

/// Said where nothing was ever written.
const EMPTY: &str = "The service is empty; start with --demo for people, roles and templates.";

pub(super) async fn draw(
    local: &Local,
    address: SocketAddr,
    database: Option<&Loopback>,
    (args, filled): (&Args, bool),
    out: &mut impl Write,
) -> Result<(), Error> {
    // Whoever may write into an empty directory.
    let who = args.doors.first_admin.as_deref().filter(|_| !args.demo).unwrap_or("alice");
    let token = local.token(who, None, "default").map_err(Error::Demo)?;
    let base = format!("http://{address}");
    let synchronous = local.engine.synchronous().await?;
    writeln!(out, "Approvals runs. Open {base} in a browser")?;
    if args.demo {
        writeln!(out, "  and log in as Bob Martin: requests wait for him. Alice Lee asked for most of them.\n")?;
    }
    writeln!(out, "  data      {} (every answer is on disk before it is given: synchronous={synchronous})", args.data.display())?;
    writeln!(out, "  API       {base}/v1/openapi.json")?;
    if let Some(clock) = &args.clock {
        writeln!(out, "  clock     stands still at {clock}; move it with POST {base}/_dev/clock")?;
    }
    if let Some(database) = database {
        writeln!(out, "  DynamoDB  http://{}, table {TABLE}: signatures are not checked, for this machine only", database.address())?;
    }
    writeln!(out, "\nA token of {who}, for this machine only:\n\n  export TOKEN={token}\n")?;
    if args.demo {
        writeln!(out, "Three lines to start with (set TOKEN first, as above):\n")?;
        let body = r#"{"template":"expense_declaration","entity":{"type":"declaration","id":"D-1"},"title":"Train to Utrecht","metadata":{"amount":48.5,"pre_approver":false,"administration":true,"budget_owner":false,"supervisor":true,"director":false}}"#;
        writeln!(
            out,
            "  curl -s {base}/v1/requests -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{body}'\n"
        )?;
        writeln!(out, "  curl -s {base}/v1/requests -H \"Authorization: Bearer $TOKEN\"\n")?;
        let grant = format!("curl -s {base}/_dev/token -H 'Content-Type: application/json' -d '{{\"user\":\"frank\"}}'");
        writeln!(out, "  curl -s {base}/v1/inbox -H \"Authorization: Bearer $({grant} | cut -d '\"' -f 4)\"\n")?;
        writeln!(
            out,
            "People: alice, judy ask; bob, carol supervise; erin, frank do finance; heidi legal; ivan security; grace administers."
        )?;
    } else {
        let begins = if filled { "The service goes on with what this folder holds." } else { EMPTY };
        writeln!(out, "{begins} Three lines to start with:\n")?;
        writeln!(out, "  curl -s {base}/v1/templates -H \"Authorization: Bearer $TOKEN\"\n")?;
        let user = r#"{"name":"Alice","email":"alice@example.com","active":true}"#;
        writeln!(
            out,
            "  curl -s -X PUT {base}/v1/users/alice -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{user}'\n"
        )?;
        writeln!(out, "  curl -s {base}/v1/inbox -H \"Authorization: Bearer $TOKEN\"\n")?;
    }
    writeln!(out, "Stop with Ctrl-C; everything is kept.")?;
    out.flush()?;
    Ok(())
}
