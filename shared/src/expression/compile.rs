//! From cel's tree to ours: the allow-list decides, types are checked as far as declared fields let us.

use std::cell::RefCell;

use approvals_domain::limits;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};

use super::error::{Code, Error};
use super::parse::parse;
use super::tree::{Arithmetic, Compare, Node, Test, Variable};
use super::types::{Declared, Type};
use crate::json::SAFE_INTEGER;
use crate::spelling::nearest;

const FUNCTIONS: &str = "functions are has(), size(), startsWith(), endsWith() and contains()";

/// What comes of a text.
pub(super) struct Compiled {
    pub(super) node: Node,
    pub(super) kind: Type,
    /// Fields that has() asks for although they are not declared.
    pub(super) undeclared: Vec<String>,
}

/// The tree of an expression with its type. To be called [`super::parse::with_room`].
pub(super) fn compile(text: &str, declared: &Declared) -> Result<Compiled, Error> {
    let (parsed, source) = parse(text)?;
    let compiler = Compiler { declared, source: &source, undeclared: RefCell::default() };
    let (node, kind) = compiler.node(&parsed)?;
    Ok(Compiled { node, kind, undeclared: compiler.undeclared.into_inner() })
}

struct Compiler<'c> {
    declared: &'c Declared,
    source: &'c SourceInfo,
    undeclared: RefCell<Vec<String>>,
}

type Typed = (Node, Type);

impl Compiler<'_> {
    fn error<T>(&self, code: Code, at: &IdedExpr, message: impl Into<String>, hint: impl Into<String>) -> Result<T, Error> {
        let offset = self.source.offset_for(at.id).and_then(|(start, _)| usize::try_from(start).ok()).unwrap_or(0);
        Err(Error::new(code, offset, message, hint))
    }

    fn node(&self, part: &IdedExpr) -> Result<Typed, Error> {
        match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal),
            Expr::Ident(name) => self.variable(part, name),
            Expr::Select(select) => self.select(part, select),
            Expr::Call(call) => self.call(part, call),
            Expr::List(list) if list.optional_indices.is_empty() => self.list(&list.elements),
            Expr::Comprehension(_) => self.error(Code::Forbidden, part, "the one macro of language 1 is has()", FUNCTIONS),
            Expr::Map(_) | Expr::Struct(_) => self.error(Code::Forbidden, part, "language 1 writes no maps", "send it as metadata"),
            Expr::List(_) | Expr::Unspecified => self.error(Code::Forbidden, part, "this is not part of language 1", FUNCTIONS),
        }
    }

    fn literal(&self, part: &IdedExpr, literal: &LiteralValue) -> Result<Typed, Error> {
        Ok(match literal {
            LiteralValue::Null => (Node::Null, Type::Null),
            LiteralValue::Boolean(value) => (Node::Bool(*value.inner()), Type::Bool),
            LiteralValue::String(text) => (Node::Text(text.inner().to_owned()), Type::Text),
            LiteralValue::Bytes(_) => return self.error(Code::Forbidden, part, "language 1 has no bytes", "use a text"),
            LiteralValue::Double(value) => (Node::Number(*value.inner()), Type::Number),
            LiteralValue::Int(value) => (Node::Number(self.double(part, Some(*value.inner()))?), Type::Number),
            LiteralValue::UInt(value) => (Node::Number(self.double(part, i64::try_from(*value.inner()).ok())?), Type::Number),
        })
    }

    fn double(&self, part: &IdedExpr, whole: Option<i64>) -> Result<f64, Error> {
        match whole.filter(|whole| (-SAFE_INTEGER..=SAFE_INTEGER).contains(whole)) {
            // Exact: every whole number up to 2^53 is a double.
            Some(whole) => Ok(whole as f64),
            None => self.error(Code::Type, part, "a number is beyond ±(2^53 − 1)", "numbers are doubles, which would round it"),
        }
    }

    fn variable(&self, part: &IdedExpr, name: &str) -> Result<Typed, Error> {
        let known = [Variable::Metadata, Variable::Entity, Variable::Requester];
        match known.into_iter().find(|variable| variable.name() == name) {
            Some(variable) => Ok((Node::Variable(variable), Type::Variable(variable))),
            None => {
                let hint = match nearest(name, known.map(Variable::name)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "variables are `metadata`, `entity` and `requester`".to_owned(),
                };
                self.error(Code::Undeclared, part, format!("`{name}` is not a variable"), hint)
            }
        }
    }

    fn select(&self, part: &IdedExpr, select: &SelectExpr) -> Result<Typed, Error> {
        let (of, kind) = self.node(&select.operand)?;
        if select.test && kind == Type::Variable(Variable::Metadata) {
            self.ask(&select.field);
        }
        let inner = self.member(part, &of, kind, &select.field)?;
        if select.test {
            return Ok((Node::Has(Box::new(of), select.field.clone()), Type::Bool));
        }
        Ok((Node::Member(Box::new(of), select.field.clone()), inner))
    }

    /// has() may ask for a field that is not declared, and what it guards to its right may read it: it is merely never there.
    /// Unless it is a slip of the pen.
    fn ask(&self, field: &str) {
        if let Err(names) = self.declared.member(Variable::Metadata, field)
            && nearest(field, names).is_none()
        {
            self.undeclared.borrow_mut().push(field.to_owned());
        }
    }

    fn member(&self, part: &IdedExpr, of: &Node, kind: Type, name: &str) -> Result<Type, Error> {
        self.shallow(part, of)?;
        match kind {
            Type::Any | Type::Object => Ok(Type::Any),
            Type::Variable(Variable::Metadata) if self.undeclared.borrow().iter().any(|field| field == name) => Ok(Type::Any),
            Type::Variable(variable) => self.declared.member(variable, name).or_else(|names| {
                let hint = match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{}.{near}`?", variable.name()),
                    None => format!("declared are {}", quoted(&names)),
                };
                self.error(Code::Undeclared, part, format!("`{}.{name}` is not declared", variable.name()), hint)
            }),
            other => {
                let what = match of {
                    Node::Member(_, name) => format!("`{name}` is {}", other.words()),
                    _ => format!("it is {}", other.words()),
                };
                self.error(Code::Type, part, format!("`.{name}` asks for a member, but {what}"), "only objects have members")
            }
        }
    }

    /// No value lies deeper than JSON is taken, and the evaluator's recursion stays as short.
    fn shallow<'n>(&self, part: &IdedExpr, of: &'n Node) -> Result<(), Error> {
        let inner = |node: &'n Node| match node {
            Node::Member(of, _) | Node::Item(of, _) | Node::Lookup(of, _) => Some(&**of),
            _ => None,
        };
        if std::iter::successors(Some(of), |node| inner(node)).count() > limits::JSON_DEPTH {
            let message = format!("a value is asked for more than {} levels deep", limits::JSON_DEPTH);
            return self.error(Code::Forbidden, part, message, "no JSON is taken that deep");
        }
        Ok(())
    }

    fn list(&self, elements: &[IdedExpr]) -> Result<Typed, Error> {
        let mut nodes = Vec::with_capacity(elements.len());
        let mut kind: Option<Type> = None;
        for element in elements {
            let (node, one) = self.node(element)?;
            nodes.push(node);
            kind = Some(match kind {
                Some(kind) => kind.or(one),
                None => one,
            });
        }
        Ok((Node::List(nodes), Type::List(Box::new(kind.unwrap_or(Type::Any)))))
    }

    fn wanted(&self, part: &IdedExpr, wanted: &Type, place: &str) -> Result<Box<Node>, Error> {
        let (node, found) = self.node(part)?;
        if !found.may_be(wanted) {
            let message = format!("{place} must be {}, this is {}", wanted.words(), found.words());
            return self.error(Code::Type, part, message, "types are those of the declared fields");
        }
        Ok(Box::new(node))
    }

    fn call(&self, part: &IdedExpr, call: &CallExpr) -> Result<Typed, Error> {
        let name = call.func_name.as_str();
        match (&call.target, call.args.as_slice()) {
            (None, [a]) => match name {
                operators::LOGICAL_NOT => Ok((Node::Not(self.wanted(a, &Type::Bool, "what `!` turns")?), Type::Bool)),
                operators::NEGATE => Ok((Node::Negate(self.wanted(a, &Type::Number, "what `-` turns")?), Type::Number)),
                "size" => self.size(part, a),
                _ => self.unknown(part, name),
            },
            (None, [a, b]) => self.binary(part, name, a, b),
            (None, [condition, a, b]) if name == operators::CONDITIONAL => {
                let condition = self.wanted(condition, &Type::Bool, "the condition before `?`")?;
                let ((a, one), (b, other)) = (self.node(a)?, self.node(b)?);
                Ok((Node::If(condition, Box::new(a), Box::new(b)), one.or(other)))
            }
            (Some(target), []) if name == "size" => self.size(part, target),
            (Some(target), [a]) => {
                let test = match name {
                    "startsWith" => Test::StartsWith,
                    "endsWith" => Test::EndsWith,
                    "contains" => Test::Contains,
                    _ => return self.unknown(part, name),
                };
                let text = self.wanted(target, &Type::Text, &format!("what stands before `.{name}()`"))?;
                let part = self.wanted(a, &Type::Text, &format!("the argument of `{name}()`"))?;
                Ok((Node::Test(test, text, part), Type::Bool))
            }
            _ => self.unknown(part, name),
        }
    }

    fn unknown<T>(&self, part: &IdedExpr, name: &str) -> Result<T, Error> {
        let message = match name {
            operators::MODULO => "`%` is not part of language 1, whose numbers are doubles".to_owned(),
            "has" => "has() asks for a member".to_owned(),
            name => format!("`{name}` is not part of language 1, or takes other arguments"),
        };
        let hint = if name == "has" { "for example has(metadata.owner)" } else { FUNCTIONS };
        self.error(Code::Forbidden, part, message, hint)
    }

    fn size(&self, part: &IdedExpr, of: &IdedExpr) -> Result<Typed, Error> {
        let (node, kind) = self.node(of)?;
        match kind {
            Type::Any | Type::Text | Type::List(_) | Type::Object | Type::Variable(_) => Ok((Node::Size(Box::new(node)), Type::Number)),
            other => self.error(Code::Type, part, format!("size() of {}", other.words()), "texts, lists and objects have a size"),
        }
    }

    fn binary(&self, part: &IdedExpr, name: &str, a: &IdedExpr, b: &IdedExpr) -> Result<Typed, Error> {
        use operators as op;
        let arithmetic = |how, sign: &str| {
            let place = format!("each side of `{sign}`");
            let a = self.wanted(a, &Type::Number, &place)?;
            Ok((Node::Arithmetic(how, a, self.wanted(b, &Type::Number, &place)?), Type::Number))
        };
        let logic = |join: fn(Box<Node>, Box<Node>) -> Node, sign: &str| {
            let place = format!("each side of `{sign}`");
            let a = self.wanted(a, &Type::Bool, &place)?;
            Ok((join(a, self.wanted(b, &Type::Bool, &place)?), Type::Bool))
        };
        match name {
            op::ADD => arithmetic(Arithmetic::Add, "+"),
            op::SUBSTRACT => arithmetic(Arithmetic::Subtract, "-"),
            op::MULTIPLY => arithmetic(Arithmetic::Multiply, "*"),
            op::DIVIDE => arithmetic(Arithmetic::Divide, "/"),
            op::LOGICAL_AND => logic(Node::And, "&&"),
            op::LOGICAL_OR => logic(Node::Or, "||"),
            op::LESS => self.compare(part, Compare::Less, a, b),
            op::LESS_EQUALS => self.compare(part, Compare::LessOrEqual, a, b),
            op::GREATER => self.compare(part, Compare::Greater, a, b),
            op::GREATER_EQUALS => self.compare(part, Compare::GreaterOrEqual, a, b),
            op::EQUALS => self.equal(part, a, b),
            op::NOT_EQUALS => self.equal(part, a, b).map(|(node, kind)| (Node::Not(Box::new(node)), kind)),
            op::IN => self.contained(part, a, b),
            op::INDEX => self.index(part, a, b),
            _ => self.unknown(part, name),
        }
    }

    fn compare(&self, part: &IdedExpr, how: Compare, a: &IdedExpr, b: &IdedExpr) -> Result<Typed, Error> {
        let ((a, one), (b, other)) = (self.node(a)?, self.node(b)?);
        let ordered = |kind: &Type| matches!(kind, Type::Any | Type::Number | Type::Text);
        if !ordered(&one) || !ordered(&other) || !one.may_be(&other) {
            let message = format!("{} is compared with {}", one.words(), other.words());
            return self.error(Code::Type, part, message, "two numbers or two texts can be ordered");
        }
        Ok((Node::Compare(how, Box::new(a), Box::new(b)), Type::Bool))
    }

    fn equal(&self, part: &IdedExpr, a: &IdedExpr, b: &IdedExpr) -> Result<Typed, Error> {
        let ((a, one), (b, other)) = (self.node(a)?, self.node(b)?);
        self.comparable(part, &one, &other)?;
        Ok((Node::Equal(Box::new(a), Box::new(b)), Type::Bool))
    }

    /// Numbers, texts, booleans and null; lists and objects would be compared as a whole, in time that nobody bounds by sight.
    fn comparable(&self, part: &IdedExpr, one: &Type, other: &Type) -> Result<(), Error> {
        let simple = |kind: &Type| matches!(kind, Type::Any | Type::Null | Type::Bool | Type::Number | Type::Text);
        let null = *one == Type::Null || *other == Type::Null;
        if null || (simple(one) && simple(other) && one.may_be(other)) {
            return Ok(());
        }
        let message = format!("{} is compared with {}", one.words(), other.words());
        self.error(Code::Type, part, message, "both sides must be numbers, texts, or true and false; or one of them null")
    }

    fn contained(&self, part: &IdedExpr, a: &IdedExpr, b: &IdedExpr) -> Result<Typed, Error> {
        let ((a, one), (b, other)) = (self.node(a)?, self.node(b)?);
        match &other {
            Type::Any => {}
            Type::List(of) => self.comparable(part, &one, of)?,
            Type::Object | Type::Variable(_) if one.may_be(&Type::Text) => {}
            other => {
                let message = format!("{} is looked for in {}", one.words(), other.words());
                return self.error(Code::Type, part, message, "`in` looks for a value in a list, or for a name in an object");
            }
        }
        Ok((Node::In(Box::new(a), Box::new(b)), Type::Bool))
    }

    fn index(&self, part: &IdedExpr, of: &IdedExpr, index: &IdedExpr) -> Result<Typed, Error> {
        let (node, kind) = self.node(of)?;
        self.shallow(part, &node)?;
        let hint = "a list takes a whole number, an object a text";
        let whole = match &index.expr {
            Expr::Literal(LiteralValue::Int(whole)) => Some(usize::try_from(*whole.inner()).ok()),
            Expr::Literal(LiteralValue::UInt(whole)) => Some(usize::try_from(*whole.inner()).ok()),
            _ => None,
        };
        match (whole, kind) {
            (Some(Some(whole)), Type::List(of)) => Ok((Node::Item(Box::new(node), whole), *of)),
            (Some(Some(whole)), Type::Any) => Ok((Node::Item(Box::new(node), whole), Type::Any)),
            (Some(_), kind) => self.error(Code::Type, index, format!("this number is no index of {}", kind.words()), hint),
            (None, kind @ (Type::Any | Type::Object | Type::Variable(_))) => {
                if let Expr::Literal(LiteralValue::String(name)) = &index.expr {
                    let inner = self.member(part, &node, kind, name.inner())?;
                    return Ok((Node::Member(Box::new(node), name.inner().to_owned()), inner));
                }
                let key = self.wanted(index, &Type::Text, "an index")?;
                Ok((Node::Lookup(Box::new(node), key), Type::Any))
            }
            (None, kind) => self.error(Code::Type, index, format!("this is no index of {}", kind.words()), hint),
        }
    }
}

fn quoted(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
    if names.len() > shown.len() { format!("{} and more", shown.join(", ")) } else { shown.join(", ") }
}
