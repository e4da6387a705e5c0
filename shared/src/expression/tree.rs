//! Language 1 as a tree: what cannot be written here cannot be evaluated.

/// An expression that passed the fence. At most [`approvals_domain::limits::EXPRESSION_BYTES`] nodes, and so many levels.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Variable(Variable),
    /// `of.name`, or `of["name"]`.
    Member(Box<Node>, String),
    /// `of[0]`.
    Item(Box<Node>, usize),
    /// `of[key]` where the key is computed.
    Lookup(Box<Node>, Box<Node>),
    /// `has(of.name)`.
    Has(Box<Node>, String),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Compare(Compare, Box<Node>, Box<Node>),
    Equal(Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    Size(Box<Node>),
    Test(Test, Box<Node>, Box<Node>),
}

impl Node {
    /// Whether a variable stands anywhere in it.
    pub(super) fn reads(&self, variable: Variable) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
            Self::Variable(read) => *read == variable,
            Self::List(items) => items.iter().any(|item| item.reads(variable)),
            Self::Member(of, _) | Self::Item(of, _) | Self::Has(of, _) | Self::Not(of) | Self::Negate(of) | Self::Size(of) => {
                of.reads(variable)
            }
            Self::Lookup(a, b)
            | Self::And(a, b)
            | Self::Or(a, b)
            | Self::Arithmetic(_, a, b)
            | Self::Compare(_, a, b)
            | Self::Equal(a, b)
            | Self::In(a, b)
            | Self::Test(_, a, b) => a.reads(variable) || b.reads(variable),
            Self::If(condition, a, b) => condition.reads(variable) || a.reads(variable) || b.reads(variable),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Metadata,
    Entity,
    Requester,
}

impl Variable {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Entity => "entity",
            Self::Requester => "requester",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    StartsWith,
    EndsWith,
    Contains,
}
