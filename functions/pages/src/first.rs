//! The first administrator: until somebody holds `approval_admin`, the one who may become it does so on a page.

use approvals::app::commands::people::{PutMember, PutUser};
use approvals::app::commands::{amend, authority};
use approvals::identity::Identity;
use approvals::store::directory::User;
use approvals::store::directory::chain::Author;
use approvals::web::problem::Problem;
use approvals::wire::email::sendable;
use approvals_domain::ids::{PersonId, RoleId, TenantId};

use crate::inputs::Wrongs;
use crate::site::{Login, Pages};

/// Whether somebody may become the first administrator: deployed, whoever is named as that; on a development server, anybody.
pub(crate) async fn may_be(pages: &Pages, tenant: &TenantId, person: &PersonId) -> Result<bool, Problem> {
    if matches!(pages.site.login, Login::Nobody) {
        return Ok(false);
    }
    Ok(authority::bootstraps(&pages.app.directory, tenant, &pages.site.first_administrator, person).await?.is_some())
}

/// Makes somebody known, and an administrator; or says in words why not, field by field.
pub(crate) async fn administrator(pages: &Pages, who: &Identity, name: &str, email: &str) -> Result<Result<(), Wrongs>, Problem> {
    let Identity { tenant, caller, .. } = who;
    let open = authority::bootstraps(&pages.app.directory, tenant, &pages.site.first_administrator, &caller.id).await?;
    let Some(ended_before) = open.filter(|_| !matches!(pages.site.login, Login::Nobody)) else {
        return Ok(Err(vec![(String::new(), "Somebody administers approvals already: ask them to add you.".to_owned())]));
    };
    let mut wrongs = Wrongs::new();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        wrongs.push(("name".to_owned(), "Name: say yours, on one line.".to_owned()));
    }
    if let Err(why) = sendable(email) {
        wrongs.push(("email".to_owned(), format!("Mail address: {}.", why.replace('`', ""))));
    }
    if !wrongs.is_empty() {
        return Ok(Err(wrongs));
    }
    let app = &pages.app;
    let actor = who.actor();
    let author = || Author { bootstrap: Some(ended_before), ..Author::new(tenant, &actor, app.clock.now(), app.entropy.salt()) };
    let user = User {
        name: name.to_owned(),
        email: email.to_owned(),
        manager: None,
        active: true,
        time_zone: None,
        attributes: std::collections::BTreeMap::new(),
    };
    amend(&app.directory, &author(), None, PutUser::new(&caller.id, &user)).await?;
    let (role, member) = (RoleId::approval_admin(), true);
    amend(&app.directory, &author(), None, PutMember { role: &role, person: &caller.id, member }).await?;
    Ok(Ok(()))
}
