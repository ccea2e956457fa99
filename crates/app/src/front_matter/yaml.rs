//! Front matter in YAML. Read event by event, since only the events still know how a scalar was written.

use std::collections::HashMap;
use std::collections::HashSet;

use serde_saphyr::granit_parser::{
    ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StrInput,
};

use super::node::{Entry, Node, NodeKind, Quoting, Scalar};
use super::quoting::{first_bad_escape, quoted_around, shown_single_quoted};
use crate::fault::FaultLog;

/// How deep lists and mappings may nest.
const DEPTH_MAX: usize = 32;
/// How many values there may be in all, those that aliases repeat included.
const NODES_MAX: usize = 20_000;
/// The bytes of all scalars, those that aliases repeat included.
const SCALAR_BYTES_MAX: usize = 1024 * 1024;
/// The characters that start an escape in double quotes (YAML 1.2.2, section 5.7).
const ESCAPES: &str = "0abt\tnvfre \"/\\N_LPxuU\n\r";

/// Reads `front`, which starts at the byte `start` of the file, as a mapping.
pub(super) fn read(log: &mut FaultLog<'_>, start: usize, front: &str) -> Vec<Entry> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(front, options);
    let mut reader = Reader { parser, front, start, anchors: HashMap::new(), nodes: 0, bytes: 0 };
    match reader.document() {
        Ok(None | Some(Node { kind: NodeKind::Null, .. })) => Vec::new(),
        Ok(Some(Node { kind: NodeKind::Map(entries), .. })) => entries,
        Ok(Some(other)) => {
            log.error(
                other.offset,
                format!("the front matter must be a mapping of keys to values, not {}", other.what()),
            );
            Vec::new()
        }
        Err(fault) => {
            log.error(fault.offset, fault.message);
            Vec::new()
        }
    }
}

struct Reader<'s> {
    parser: Parser<'s, StrInput<'s>>,
    front: &'s str,
    start: usize,
    anchors: HashMap<usize, (Node, Weight)>,
    nodes: usize,
    bytes: usize,
}

/// What a node counts for.
#[derive(Clone, Copy)]
struct Weight {
    nodes: usize,
    bytes: usize,
}

struct YamlFault {
    offset: usize,
    message: String,
}

type Step<'s> = (Event<'s>, Span);

impl<'s> Reader<'s> {
    fn document(&mut self) -> Result<Option<Node>, YamlFault> {
        let mut root = None;
        let mut documents = 0;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(self.fault(
                            span.start,
                            "front matter is one YAML document; a second one starts here",
                        ));
                    }
                }
                _ => root = Some(self.node((event, span), 0)?),
            }
        }
        Ok(root)
    }

    fn node(&mut self, (event, span): Step<'s>, depth: usize) -> Result<Node, YamlFault> {
        if depth > DEPTH_MAX {
            return Err(
                self.fault(span.start, format!("the front matter nests deeper than {DEPTH_MAX} levels"))
            );
        }
        if let Some(tag) = event.tag() {
            let message = format!(
                "the tag `{}` has no meaning here; text that starts with `!` goes in quotes",
                tag.original()
            );
            return Err(self.fault(span.start, message));
        }
        let before = Weight { nodes: self.nodes, bytes: self.bytes };
        let anchor = event.anchor_id().filter(|id| *id != 0);
        let offset = self.offset(span.start);
        let kind = match event {
            Event::Scalar(text, style, ..) => self.scalar(&text, style, span)?,
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.mapping(depth)?,
            Event::Alias(id) => return self.alias(id, span),
            _ => return Err(self.fault(span.start, "a value was expected here")),
        };
        self.spend(Weight { nodes: 1, bytes: 0 }, span.start)?;
        let node = Node { offset, kind };
        if let Some(id) = anchor {
            let weight = Weight { nodes: self.nodes - before.nodes, bytes: self.bytes - before.bytes };
            self.anchors.insert(id, (node.clone(), weight));
        }
        Ok(node)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<NodeKind, YamlFault> {
        self.spend(Weight { nodes: 0, bytes: text.len() }, span.start)?;
        if style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Ok(NodeKind::Null);
        }
        let quoting = match (style, self.written(span)) {
            (ScalarStyle::DoubleQuoted, Some(written)) => {
                let written = written.trim();
                let inside = written.strip_prefix('"').unwrap_or(written);
                Quoting::Escaped(inside.strip_suffix('"').unwrap_or(inside).into())
            }
            _ => Quoting::Verbatim,
        };
        Ok(NodeKind::Scalar(Scalar { text: text.to_owned(), quoting }))
    }

    fn list(&mut self, depth: usize) -> Result<NodeKind, YamlFault> {
        let mut items = Vec::new();
        loop {
            match self.required()? {
                (Event::SequenceEnd, _) => return Ok(NodeKind::List(items)),
                step => items.push(self.node(step, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<NodeKind, YamlFault> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (event, span) = match self.required()? {
                (Event::MappingEnd, _) => return Ok(NodeKind::Map(entries)),
                step => step,
            };
            let key = self.node((event, span), depth + 1)?;
            let NodeKind::Scalar(Scalar { text: key_text, .. }) = key.kind else {
                return Err(self.fault(span.start, format!("a key must be a scalar, not {}", key.what())));
            };
            if !seen.insert(key_text.clone()) {
                return Err(self.fault(span.start, format!("the key `{key_text}` is given twice")));
            }
            let step = self.required()?;
            let value = self.node(step, depth + 1)?;
            entries.push(Entry { key: key_text, key_offset: key.offset, value });
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Node, YamlFault> {
        let Some((node, weight)) = self.anchors.get(&id).cloned() else {
            return Err(self.fault(span.start, "this alias refers to something that contains it"));
        };
        self.spend(weight, span.start)?;
        Ok(Node { offset: self.offset(span.start), ..node })
    }

    fn spend(&mut self, weight: Weight, at: Marker) -> Result<(), YamlFault> {
        self.nodes = self.nodes.saturating_add(weight.nodes);
        self.bytes = self.bytes.saturating_add(weight.bytes);
        if self.nodes > NODES_MAX || self.bytes > SCALAR_BYTES_MAX {
            return Err(self.fault(
                at,
                "the front matter has too many values, aliases counted as often as they are used",
            ));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Step<'s>>, YamlFault> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(step)) => Ok(Some(step)),
            Some(Err(error)) => Err(self.syntax_fault(&error)),
        }
    }

    fn required(&mut self) -> Result<Step<'s>, YamlFault> {
        match self.next()? {
            Some(step) => Ok(step),
            None => Err(YamlFault {
                offset: self.start + self.front.len(),
                message: "the front matter ends in the middle of a value".to_owned(),
            }),
        }
    }

    fn syntax_fault(&self, error: &ScanError) -> YamlFault {
        let at = self.byte(*error.marker());
        if matches!(error.kind(), ErrorKind::UnknownQuotedScalarEscape)
            && let Some(fault) = self.escape_fault(at)
        {
            return fault;
        }
        let mut message = format!("the front matter is not YAML: {}", error.info());
        if matches!(error.kind(), ErrorKind::UnknownAnchor) {
            message.push_str("; text that starts with `*` goes in quotes");
        }
        YamlFault { offset: self.start + at, message }
    }

    /// The fault of a backslash in double quotes that starts no escape.
    fn escape_fault(&self, at: usize) -> Option<YamlFault> {
        let (inside_at, inside) = quoted_around(self.front, at)?;
        let bad = first_bad_escape(inside, |escaped| ESCAPES.contains(escaped))?;
        let escape: String = inside.get(bad..)?.chars().take(2).collect();
        let message = format!(
            "`{escape}` is not an escape of YAML in double quotes; in single quotes a backslash is a backslash: {}",
            shown_single_quoted(inside, true)
        );
        Some(YamlFault { offset: self.start + inside_at + bad, message })
    }

    fn fault(&self, at: Marker, message: impl Into<String>) -> YamlFault {
        YamlFault { offset: self.offset(at), message: message.into() }
    }

    fn offset(&self, marker: Marker) -> usize {
        self.start + self.byte(marker)
    }

    fn byte(&self, marker: Marker) -> usize {
        marker.byte_offset().unwrap_or_else(|| {
            self.front.char_indices().nth(marker.index()).map_or(self.front.len(), |(byte, _)| byte)
        })
    }

    fn written(&self, span: Span) -> Option<&'s str> {
        self.front.get(self.byte(span.start)..self.byte(span.end))
    }
}
