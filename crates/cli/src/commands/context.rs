//! `toolfront context`.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::failure::Failure;
use crate::layout;
use crate::session::Invocation;

/// The gateways that were logged in to
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  toolfront context list\n  toolfront context use production\n  \
                  toolfront context remove local"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them; the current one has a star
    #[command(after_help = "Examples:\n  toolfront context list\n  toolfront context list --json")]
    List,
    /// Make one the current one
    #[command(after_help = "Examples:\n  toolfront context use production")]
    Use {
        /// Its name
        name: String,
    },
    /// Forget one, with its key. The token itself lives on: `toolfront tokens revoke self` ends it
    #[command(after_help = "Examples:\n  toolfront context remove local")]
    Remove {
        /// Its name
        name: String,
    },
}

pub(crate) fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let file = invocation.settings.context_file()?;
    match arguments.action {
        Action::List => list(invocation),
        Action::Use { name } => {
            file.change(|contexts| {
                contexts.named(&name)?;
                contexts.current = Some(name.clone());
                Ok(())
            })?;
            invocation.printer.say(format_args!("The current context is {name}."));
            Ok(())
        }
        Action::Remove { name } => {
            file.change(|contexts| contexts.remove(&name))?;
            invocation.printer.say(format_args!("The context {name} is forgotten."));
            Ok(())
        }
    }
}

fn list(invocation: &Invocation) -> Result<(), Failure> {
    let contexts = invocation.settings.contexts()?;
    if let Some(warning) = contexts.warning() {
        invocation.printer.warn(warning);
    }
    let is_current = |name: &str| contexts.current.as_deref() == Some(name);
    if invocation.printer.is_json() {
        let all: Vec<_> = contexts
            .iter()
            .map(|(name, context)| {
                json!({
                    "name": name, "current": is_current(name), "api_url": context.api_url, "org_id": context.org_id,
                })
            })
            .collect();
        return invocation.printer.json(&all);
    }
    if contexts.iter().next().is_none() {
        invocation.printer.say("There are no contexts yet; `toolfront login URL` makes one.");
        return Ok(());
    }
    let rows = contexts.iter().map(|(name, context)| {
        let star = if is_current(name) { "*" } else { "" };
        vec![
            star.to_owned(),
            name.to_owned(),
            context.api_url.clone(),
            context.org_id.clone().unwrap_or_default(),
        ]
    });
    invocation.printer.result(layout::table(&["", "NAME", "GATEWAY", "ORGANIZATION"], rows))
}
