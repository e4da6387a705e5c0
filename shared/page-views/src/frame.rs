//! What stands around each page: its head, its navigation, whose session it is.

/// Which entry of the navigation is the present one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tab {
    /// None.
    #[default]
    None,
    /// `/`.
    Inbox,
    /// `/mine`.
    Mine,
    /// `/decided`.
    Decided,
    /// `/find`.
    Find,
    /// `/new`.
    New,
    /// `/delegations`.
    Delegations,
    /// `/preferences`.
    Preferences,
}

/// Colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device is set.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// As preferences hold it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// From a preference; anything else is the device's.
    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// Whose session it is.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// Their name.
    pub name: String,
    /// Of their forms.
    pub csrf: String,
    /// How much waits: `3`, `100+`; empty: nothing, or not counted.
    pub waiting: String,
    /// Minutes without a call after which the session ends.
    pub idle_minutes: u32,
    /// In whose zone times are.
    pub zone: String,
}

/// What stands around a page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Of the browser's tab.
    pub title: String,
    /// The present entry of the navigation.
    pub tab: Tab,
    /// Colours.
    pub theme: Theme,
    /// None: nobody is logged in.
    pub reader: Option<Reader>,
    /// The service's name, as the reader may know it.
    pub installation: String,
}

impl Frame {
    /// The style, for the head.
    pub fn style(&self) -> &'static str {
        crate::look::STYLE
    }

    /// The script, for the end.
    pub fn script(&self) -> &'static str {
        crate::look::SCRIPT
    }

    /// `aria-current` of an entry.
    pub fn here(&self, tab: Tab) -> &'static str {
        if self.tab == tab { " aria-current=page" } else { "" }
    }

    /// The reader's CSRF value; empty without a session.
    pub fn csrf(&self) -> &str {
        self.reader.as_ref().map_or("", |reader| &reader.csrf)
    }
}
