//! `/preferences`: mails, colours, time zone, and where the reader is logged in.

use approvals::app::commands::amend;
use approvals::app::commands::documents::PutPreferences;
use approvals::store::directory::chain::Author;
use approvals::store::directory::documents::{Channels, Preferences, Theme};
use approvals::web::problem::Problem;
use approvals_domain::hash::Hash;
use axum::response::Response;
use chrono_tz::Tz;
use page_views::Tab;
use page_views::parts::{Choice, Trouble};
use page_views::settings::{self, Session};
use serde::Deserialize;

use crate::asked::{Path, Query};
use crate::html;
use crate::post::Post;
use crate::visit::Visit;

/// Whether the page comes after a form.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    saved: String,
}

/// `GET /preferences`.
pub(crate) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let made = async {
        let (stands, _) = visit.pages.app.directory.preferences(&visit.identity.tenant, &visit.identity.caller.id).await?;
        page(&visit, 200, &stands, asked.saved == "1", None).await
    };
    let made = made.await;
    visit.answer(made)
}

/// `POST /preferences`.
pub(crate) async fn save(post: Post) -> Response {
    let made = saved(&post).await;
    post.answer(made)
}

/// `POST /preferences/sessions/{handle}/revoke`.
pub(crate) async fn revoke(Path(handle): Path, post: Post) -> Response {
    let visit = &post.visit;
    let (tenant, me) = (&visit.identity.tenant, &visit.identity.caller.id);
    let made = async {
        let sessions = visit.pages.sessions.of(tenant, me, visit.here.now).await?;
        let (hash, _) = sessions.iter().find(|(hash, _)| hash.to_string() == handle).ok_or_else(Problem::not_found)?;
        visit.pages.sessions.end(hash, tenant, me, visit.here.now).await?;
        Ok(html::see_other("/preferences"))
    };
    let made = made.await;
    post.answer(made)
}

/// GET on a form's address.
pub(crate) async fn to_page() -> Response {
    html::see_other("/preferences")
}

async fn page(visit: &Visit, status: u16, stands: &Preferences, saved: bool, trouble: Option<Trouble>) -> Result<Response, Problem> {
    let (tenant, me) = (&visit.identity.tenant, &visit.identity.caller.id);
    let own = visit.secret.hash();
    let sessions = visit.pages.sessions.of(tenant, me, visit.here.now).await?;
    let session = |(hash, used): &(Hash, approvals::store::sessions::Used)| Session {
        handle: hash.to_string(),
        since: visit.here.moment(used.session.since),
        used: visit.here.moment(used.at),
        here: *hash == own,
    };
    let theme = match stands.theme {
        Some(Theme::Light) => "light",
        Some(Theme::Dark) => "dark",
        Some(Theme::System) | None => "system",
    };
    let themes = [("system", "as my device is set"), ("light", "light"), ("dark", "dark")];
    let about = [("Name", visit.user.name.clone()), ("Id", me.to_string()), ("Mail", visit.user.email.clone())];
    let default_zone = visit.pages.app.zone_of(tenant, None, visit.user.time_zone.as_deref()).await?.unwrap_or_else(|| "UTC".to_owned());
    let view = settings::Preferences {
        frame: visit.frame("Preferences", Tab::Preferences),
        about: about.map(|(label, value)| (label.to_owned(), value)).into(),
        channels: vec![(
            "channels.mail".to_owned(),
            "when my answer is wanted, and when something I asked for is decided".to_owned(),
            stands.channels.mail,
        )],
        themes: themes.map(|(value, label)| Choice::new(value, label, theme)).into(),
        time_zone: stands.time_zone.clone().unwrap_or_default(),
        default_zone,
        sessions: sessions.iter().map(session).collect(),
        trouble,
        saved,
    };
    Ok(html::page(status, &view))
}

async fn saved(post: &Post) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let (app, me) = (&visit.pages.app, &visit.identity.caller.id);
    let (stands, _) = app.directory.preferences(&visit.identity.tenant, me).await?;
    let mut items = Vec::new();
    let theme = match fields.get("theme") {
        "" => None,
        theme => {
            let known = serde_json::from_value(serde_json::json!(theme)).ok();
            if known.is_none() {
                items.push(("theme".to_owned(), "Colours: choose one of those below.".to_owned()));
            }
            known
        }
    };
    let mail = match fields.get("channels.mail") {
        "true" => true,
        "" | "false" => false,
        _ => {
            items.push(("channels.mail".to_owned(), "Mails: tick the box, or do not.".to_owned()));
            stands.channels.mail
        }
    };
    let time_zone = fields.given("time_zone").map(str::to_owned);
    if time_zone.as_deref().is_some_and(|zone| zone.parse::<Tz>().is_err()) {
        items.push(("time_zone".to_owned(), "Time zone: this one is not known. Name one such as Europe/Amsterdam.".to_owned()));
    }
    let wanted = Preferences { channels: Channels { mail, ..stands.channels }, theme, time_zone };
    if !items.is_empty() {
        let trouble = Trouble { heading: "Nothing was saved".to_owned(), items, way: None };
        return page(visit, 400, &wanted, false, Some(trouble)).await;
    }
    let actor = visit.identity.actor();
    let author = Author::new(&visit.identity.tenant, &actor, app.clock.now(), app.entropy.salt());
    app.pace.take(&visit.identity.tenant, me, app.clock.now()).await?;
    amend(&app.directory, &author, None, PutPreferences { person: me, preferences: &wanted }).await?;
    Ok(html::see_other("/preferences?saved=1"))
}
