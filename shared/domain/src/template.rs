//! A template: the plan of approval, as an administrator writes it. Pure data; the shell parses and lints it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ids::{CalendarId, PersonId, RoleId, StepId, TemplateKey};

/// A template's content. A version of it never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its key, `^[a-z][a-z0-9_]{0,99}$`.
    pub key: TemplateKey,
    /// For people.
    pub title: String,
    /// Meaning of expressions; only 1 exists.
    #[serde(default = "one")]
    pub language: u32,
    /// At most one open request of this template per entity.
    #[serde(default = "yes")]
    pub unique_entity: bool,
    /// Who sees a request besides its parties.
    #[serde(default)]
    pub visibility: Visibility,
    /// Who may never vote, besides requester and submitter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred: Vec<Approver>,
    /// Declared metadata; empty: anything goes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
    /// Keys of the fields in the order in which forms and pages show them. Filled in from the order written; left out if that is by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field_order: Vec<String>,
    /// What a delegation's limit is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountSpec>,
    /// What happens when no step is planned.
    #[serde(default)]
    pub when_empty: WhenEmpty,
    /// The calendar of steps that name none; else the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarId>,
    /// Decisions that need a comment, on steps that do not say themselves.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reasons: BTreeSet<Reasoned>,
    /// What happens to a returned request that its requester leaves lying.
    #[serde(default, skip_serializing_if = "Returned::is_default")]
    pub returned: Returned,
    /// What an approval allows, and who reports that it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectRules>,
    /// The requester may recall the request while its steps are under way.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub recall: bool,
    /// What mails say besides the fields marked `mail`.
    #[serde(default, skip_serializing_if = "MailRules::is_default")]
    pub mail: MailRules,
    /// In order; a list inside the list runs in parallel.
    pub steps: Vec<Group>,
}

/// What an approval allows, and who reports that it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectRules {
    /// An approved request stays open until its effect is started.
    #[serde(default)]
    pub confirm: bool,
    /// Wall-clock time since the approval, or since the first failure, after which a request that was not started expires.
    #[serde(default = "thirty_days")]
    pub within: Span,
    /// Who may start and finish it, besides the submitter.
    #[serde(default = "effect_role")]
    pub by: Vec<Approver>,
}

/// What mails say besides the fields marked `mail`. The request's page says all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailRules {
    /// The request's title; the template's stands in its place if not.
    pub title: bool,
    /// Comments and reasons.
    pub words: bool,
}

impl Default for MailRules {
    fn default() -> Self {
        Self { title: true, words: true }
    }
}

impl MailRules {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Steps that open together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Group {
    /// Several, in parallel.
    Parallel(Vec<Step>),
    /// One alone.
    One(Box<Step>),
}

impl Group {
    /// The group's steps, in the order written.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Parallel(steps) => steps,
            Self::One(step) => std::slice::from_ref(step),
        }
    }
}

/// One step of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique within the template.
    pub id: StepId,
    /// For people; the id if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Planned only if this expression is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Who may vote.
    pub approvers: Vec<Approver>,
    /// How many approvals it needs.
    #[serde(default)]
    pub required: Required,
    /// Nobody who counted in these steps, voter or person voted for, counts here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distinct_from: Vec<StepId>,
    /// Skipped when enough of its candidates approved in one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip_if_approved_by: Vec<StepId>,
    /// What an approval here means; shown and recorded with the vote.
    #[serde(default = "approval")]
    pub meaning: String,
    /// What a rejection does.
    #[serde(default)]
    pub on_reject: OnReject,
    /// Decisions that need a comment here; the template's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<BTreeSet<Reasoned>>,
    /// Requester, submitter and barred persons may vote here.
    #[serde(default)]
    pub allow_self: bool,
    /// What an action link must be backed by.
    #[serde(default)]
    pub assurance: Assurance,
    /// Added when too few could vote; then `approval_admin`.
    #[serde(default, skip_serializing_if = "Fallback::is_default")]
    pub fallback: Fallback,
    /// Time until the step is late.
    #[serde(default)]
    pub sla: Sla,
    /// Reminders, as fractions of the SLA.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remind: Vec<f64>,
    /// Levels that add candidates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<Level>,
    /// What happens in the end: a gap like the last one after the last level, and never before the step is late.
    #[serde(default)]
    pub on_timeout: OnTimeout,
}

impl Step {
    /// The name shown to people.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }
}

/// Who may vote, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// A person.
    User(PersonId),
    /// Every active member of a role, each a seat.
    Role(RoleId),
    /// One seat that any of these fills.
    AnyOf(Vec<Approver>),
    /// `requester`, an earlier step (its approvers), or, in a level, `approver` (one level up each time).
    ManagerOf(String),
    /// CEL that gives `user:ID`, `role:NAME`, a bare person id, or a list of these.
    Expression(String),
}

/// How many approvals a step needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// So many.
    Count(u32),
    /// Every seat there is when the step opens.
    All,
    /// More than half of the seats.
    Majority,
    /// So many percent of the seats, rounded up.
    Percent(u32),
}

impl Default for Required {
    fn default() -> Self {
        Self::Count(1)
    }
}

impl Required {
    /// The number of approvals out of so many seats, at least 1.
    pub fn of(self, seats: u32) -> u32 {
        let need = match self {
            Self::Count(n) => n,
            Self::All => seats,
            Self::Majority => seats / 2 + 1,
            Self::Percent(p) => u32::try_from((u64::from(p) * u64::from(seats)).div_ceil(100)).unwrap_or(u32::MAX),
        };
        need.max(1)
    }

    /// Whether the number depends on how many seats there are.
    pub fn counts_seats(self) -> bool {
        !matches!(self, Self::Count(_))
    }
}

impl std::fmt::Display for Required {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(n) => write!(f, "{n}"),
            Self::All => f.write_str("all"),
            Self::Majority => f.write_str("majority"),
            Self::Percent(p) => write!(f, "{p}%"),
        }
    }
}

impl Serialize for Required {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(n) => serializer.serialize_u32(*n),
            other => serializer.collect_str(other),
        }
    }
}

impl<'de> Deserialize<'de> for Required {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Count(u32),
            Text(String),
        }
        const WANTED: &str = "`required` is a number from 1 to 100, `all`, `majority` or a percentage such as \"60%\"";
        match Raw::deserialize(deserializer).map_err(|_| de::Error::custom(WANTED))? {
            Raw::Count(n) if (1..=crate::limits::QUORUM).contains(&n) => Ok(Self::Count(n)),
            Raw::Text(text) => match text.as_str() {
                "all" => Ok(Self::All),
                "majority" => Ok(Self::Majority),
                percent => percent
                    .strip_suffix('%')
                    .and_then(|digits| digits.parse().ok())
                    .filter(|p| (1..=100).contains(p))
                    .map(Self::Percent)
                    .ok_or_else(|| de::Error::custom(WANTED)),
            },
            Raw::Count(_) => Err(de::Error::custom(WANTED)),
        }
    }
}

/// Who sees a request besides its parties.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Nobody.
    #[default]
    Parties,
    /// Every active person of the tenant.
    Tenant,
}

/// What happens when no step is planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenEmpty {
    /// The request is refused.
    #[default]
    Refuse,
    /// The request is approved at once, as the system's act.
    Approve,
}

/// What a rejection does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReject {
    /// One ends the request.
    #[default]
    Reject,
    /// One sends it back to the requester.
    Return,
    /// The request ends once approval can no longer be reached.
    Majority,
}

/// A decision that may need a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reasoned {
    /// No.
    Reject,
    /// Back to the requester.
    Return,
}

/// What happens to a returned request that its requester leaves lying. Wall-clock time since the return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Returned {
    /// When the requester is reminded.
    pub remind: Vec<Span>,
    /// When the request expires; never if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire: Option<Span>,
}

impl Default for Returned {
    fn default() -> Self {
        Self { remind: vec![Span { count: 48, unit: Unit::Hours }, Span { count: 7, unit: Unit::Days }], expire: None }
    }
}

impl Returned {
    /// When reminders come, in order of time.
    pub fn reminders(&self) -> Vec<Span> {
        let mut all = self.remind.clone();
        all.sort_by_key(|span| span.hours());
        all.dedup_by_key(|span| span.hours());
        all
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A length of time, as text `48h` or `7d`. From 1 hour to 3,650 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    count: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hours,
    Days,
}

impl Span {
    /// Hours of wall-clock time.
    pub fn hours(self) -> u32 {
        match self.unit {
            Unit::Hours => self.count,
            Unit::Days => self.count * 24,
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.count, if self.unit == Unit::Hours { 'h' } else { 'd' })
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = |digits: &str, unit| Some(Self { count: digits.parse().ok()?, unit });
        let hours = text.strip_suffix('h').and_then(|digits| read(digits, Unit::Hours));
        let span = hours.or_else(|| text.strip_suffix('d').and_then(|digits| read(digits, Unit::Days)));
        let most = |span: &Self| span.count <= if span.unit == Unit::Hours { 87_600 } else { 3_650 };
        // Exactly one spelling: no sign, no leading zero.
        span.filter(|span| span.count >= 1 && most(span) && span.to_string() == text)
            .ok_or_else(|| format!("`{text}` is no length of time: use hours or days, such as `48h` or `7d`"))
    }
}

/// What an action link must be backed by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// The link itself.
    #[default]
    Link,
    /// The person's own login.
    Login,
}

/// What happens after the last level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// Nothing.
    #[default]
    None,
    /// The step is approved, by the system.
    Approve,
    /// The request is rejected, by the system.
    Reject,
    /// The request expires.
    Expire,
}

/// Who is added when too few could vote.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Fallback {
    /// `approval_admin`.
    #[default]
    Admin,
    /// These, then `approval_admin`.
    These(Vec<Approver>),
    /// Nobody: the step blocks.
    Nobody,
}

impl Fallback {
    fn is_default(&self) -> bool {
        *self == Self::Admin
    }

    /// The approvers named, if any.
    pub fn approvers(&self) -> &[Approver] {
        match self {
            Self::These(approvers) => approvers,
            Self::Admin | Self::Nobody => &[],
        }
    }
}

impl Serialize for Fallback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Admin => serializer.serialize_none(),
            Self::These(approvers) => approvers.serialize(serializer),
            Self::Nobody => serializer.serialize_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            These(Vec<Approver>),
            Word(String),
        }
        match Raw::deserialize(deserializer).map_err(|_| de::Error::custom("`fallback` is a list of approvers or `none`"))? {
            Raw::These(approvers) => Ok(Self::These(approvers)),
            Raw::Word(word) if word == "none" => Ok(Self::Nobody),
            Raw::Word(word) => Err(de::Error::custom(format!("`fallback` is a list of approvers or `none`, not `{word}`"))),
        }
    }
}

/// Time until a step is late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// Hours, fractions allowed.
    pub hours: f64,
    /// Working hours of this calendar; wall clock if none is named anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarId>,
}

impl Default for Sla {
    fn default() -> Self {
        Self { hours: 48.0, calendar: None }
    }
}

/// A level of escalation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Fraction of the SLA after which it fires.
    pub after: f64,
    /// Who is added.
    pub to: Vec<Approver>,
}

/// Expressions for the amount a delegation's limit is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountSpec {
    /// Gives a number.
    pub value: String,
    /// Gives a text such as `EUR`.
    pub currency: String,
}

/// A declared field of the metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// Must it be there?
    #[serde(default)]
    pub required: bool,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The texts allowed.
    #[serde(default, rename = "enum", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// For people; the field's name if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Shown in mails.
    #[serde(default)]
    pub mail: bool,
    /// Shown to whoever is logged in, and neither in mails nor on pages behind links.
    #[serde(default, skip_serializing_if = "is_no")]
    pub sensitive: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A JSON number.
    Number,
    /// A JSON string.
    String,
    /// `true` or `false`.
    Boolean,
    /// `YYYY-MM-DD`.
    Date,
    /// A person id.
    User,
    /// A JSON array.
    List,
    /// A JSON object.
    Object,
}

/// Where in a template an expression stands, and what it must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// A boolean.
    Condition,
    /// Candidates.
    Candidates,
    /// A number.
    Number,
    /// A text.
    Text,
}

/// An expression of a template with the name its result is recorded under.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression<'a> {
    /// `when:STEP`, `approvers:STEP:0`, `approvers:STEP:0:1` (inside `any_of`), `barred:0`, `effect:0`, `fallback:STEP:0`, `escalate:STEP:0:0`, `amount`, `currency`.
    pub name: String,
    /// Its text.
    pub text: &'a str,
    /// What it must give.
    pub gives: Gives,
    /// The step it belongs to.
    pub step: Option<&'a StepId>,
}

impl Template {
    /// The rules of the effect, if an approval waits for one.
    pub fn confirms(&self) -> Option<&EffectRules> {
        self.effect.as_ref().filter(|effect| effect.confirm)
    }

    /// Whether a field is kept from mails and from pages behind links.
    pub fn has_sensitive(&self) -> bool {
        self.fields.values().any(|field| field.sensitive)
    }

    /// All steps, flat, in order.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().flat_map(Group::steps)
    }

    /// The declared fields in the order in which people see them.
    pub fn fields_in_order(&self) -> impl Iterator<Item = (&str, &Field)> {
        let named = self.field_order.iter().filter_map(|key| self.fields.get_key_value(key));
        let others = self.fields.iter().filter(|(key, _)| !self.field_order.contains(*key));
        named.chain(others).map(|(key, field)| (key.as_str(), field))
    }

    /// Whether a decision on a step needs a comment.
    pub fn wants_reason(&self, step: &Step, decision: Reasoned) -> bool {
        step.reasons.as_ref().unwrap_or(&self.reasons).contains(&decision)
    }

    /// The step of that id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.all_steps().find(|step| step.id == *id)
    }

    /// Every expression, in the order of evaluation.
    pub fn expressions(&self) -> Vec<Expression<'_>> {
        let mut all = Vec::new();
        if let Some(amount) = &self.amount {
            all.push(Expression { name: "amount".into(), text: &amount.value, gives: Gives::Number, step: None });
            all.push(Expression { name: "currency".into(), text: &amount.currency, gives: Gives::Text, step: None });
        }
        collect("barred", &self.barred, None, &mut all);
        collect("effect", self.effect.as_ref().map_or(&[], |effect| &effect.by), None, &mut all);
        for step in self.all_steps() {
            let of = Some(&step.id);
            if let Some(when) = &step.when {
                all.push(Expression { name: format!("when:{}", step.id), text: when, gives: Gives::Condition, step: of });
            }
            collect(&format!("approvers:{}", step.id), &step.approvers, of, &mut all);
            collect(&format!("fallback:{}", step.id), step.fallback.approvers(), of, &mut all);
            for (index, level) in step.escalate.iter().enumerate() {
                collect(&format!("escalate:{}:{index}", step.id), &level.to, of, &mut all);
            }
        }
        all
    }
}

fn collect<'a>(prefix: &str, approvers: &'a [Approver], step: Option<&'a StepId>, all: &mut Vec<Expression<'a>>) {
    for (index, approver) in approvers.iter().enumerate() {
        let name = format!("{prefix}:{index}");
        match approver {
            Approver::Expression(text) => all.push(Expression { name, text, gives: Gives::Candidates, step }),
            Approver::AnyOf(inner) => collect(&name, inner, step, all),
            Approver::User(_) | Approver::Role(_) | Approver::ManagerOf(_) => {}
        }
    }
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_no(flag: &bool) -> bool {
    !*flag
}

fn thirty_days() -> Span {
    Span { count: 30, unit: Unit::Days }
}

fn effect_role() -> Vec<Approver> {
    vec![Approver::Role(RoleId::approval_effect())]
}

fn approval() -> String {
    "approval".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_one_spelling() {
        for (text, hours) in [("1h", 1), ("48h", 48), ("7d", 168), ("3650d", 87_600)] {
            let span: Span = serde_json::from_value(text.into()).unwrap();
            assert_eq!((span.hours(), span.to_string().as_str()), (hours, text));
        }
        for bad in ["", "0h", "7", "d", "-1d", "+1d", "07d", "1.5d", "3651d", "2w", "48 h"] {
            assert!(serde_json::from_value::<Span>(bad.into()).is_err(), "{bad}");
        }
        let left_out: Returned = serde_json::from_str("{}").unwrap();
        assert_eq!(left_out, Returned::default());
        assert_eq!(serde_json::to_string(&Returned::default()).unwrap(), r#"{"remind":["48h","7d"]}"#);
    }

    #[test]
    fn required_reads_and_writes_its_four_forms() {
        for (text, rule, of_five) in [
            ("3", Required::Count(3), 3),
            ("\"all\"", Required::All, 5),
            ("\"majority\"", Required::Majority, 3),
            ("\"60%\"", Required::Percent(60), 3),
            ("\"61%\"", Required::Percent(61), 4),
        ] {
            let read: Required = serde_json::from_str(text).unwrap();
            assert_eq!((read, read.of(5)), (rule, of_five));
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
            assert!(read.of(0) >= 1);
        }
        for bad in ["0", "101", "\"0%\"", "\"101%\"", "\"some\"", "1.5", "-1", "null"] {
            assert!(serde_json::from_str::<Required>(bad).is_err(), "{bad}");
        }
    }
}
