//! What front matter says, whichever its language: scalars as they are written, lists and mappings, each with its place.

/// A value and the byte offset in the file at which it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) offset: usize,
    pub(crate) kind: NodeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Nothing, or the word `null`.
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar. Numbers and booleans written bare are the text as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) quoting: Quoting,
}

/// Whether escapes were read in a scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// What is written is what is meant: bare, in single quotes, or a block.
    Verbatim,
    /// In double quotes; this is the source between them.
    Escaped(Box<str>),
}

/// A key of a mapping, which is unique in it, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_offset: usize,
    pub(crate) value: Node,
}

impl Node {
    /// The scalar's text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(&scalar.text),
            NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => None,
        }
    }

    /// What the node is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing (null)",
            NodeKind::Scalar(_) => "a scalar",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }
}
