//! The first administrator: until somebody holds `approval_admin`, the one who may become it does so on a page.

use approvals::app::commands::amend;
use approvals::app::commands::people::{PutMember, PutUser};
use approvals::identity::Identity;
use approvals::store::Freshness;
use approvals::store::directory::User;
use approvals::store::directory::chain::Author;
use approvals::web::problem::Problem;
use approvals_domain::ids::{PersonId, RoleId, TenantId};

use crate::site::{Login, Pages};

/// Whether nobody administers approvals yet.
async fn nobody_does(pages: &Pages, tenant: &TenantId) -> Result<bool, Problem> {
    let members = pages.app.directory.members(tenant, &RoleId::approval_admin(), 1, Freshness::Strong).await?;
    Ok(members.versions.is_empty())
}

/// Whether somebody may become the first administrator: deployed, whoever is named as that; on a development server, anybody.
pub(crate) async fn may_be(pages: &Pages, tenant: &TenantId, person: &PersonId) -> Result<bool, Problem> {
    let named = match &pages.site.login {
        Login::Oidc(_) => pages.site.first_administrator.as_deref() == Some(person.as_str()),
        Login::Buttons { .. } => true,
        Login::Nobody => false,
    };
    Ok(named && nobody_does(pages, tenant).await?)
}

/// Makes somebody known, and an administrator; or says in words why not.
pub(crate) async fn administrator(pages: &Pages, who: &Identity, name: &str, email: &str) -> Result<Result<(), String>, Problem> {
    let Identity { tenant, caller, .. } = who;
    if !may_be(pages, tenant, &caller.id).await? {
        return Ok(Err("Somebody administers approvals already: ask them to add you.".to_owned()));
    }
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Ok(Err("Say your name, on one line.".to_owned()));
    }
    if !email.contains('@') || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Ok(Err("A mail address is wanted, such as ann@example.com.".to_owned()));
    }
    let app = &pages.app;
    let actor = who.actor();
    let author = || Author { tenant, actor: &actor, now: app.clock.now(), salt: app.entropy.salt() };
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
