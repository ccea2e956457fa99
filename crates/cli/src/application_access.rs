//! How an application is called: with the parameters that were typed, else with `TOOLFRONT_TOKEN`, else with the key of
//! the gateway that serves it.

use std::path::Path;

use toolfront_client::{ApplicationClient, Connection, GatewayUrl, Parameters};

use crate::assignment::Assignment;
use crate::failure::Failure;
use crate::session::Invocation;
use crate::settings::{ResolvedKey, ca_file};
use crate::token_file;

/// A client of the application at a URL.
pub(crate) fn application(
    url: &str,
    typed: &[Assignment],
    invocation: &Invocation,
) -> Result<ApplicationClient, Failure> {
    let url = GatewayUrl::parse(url)
        .map_err(|fault| Failure::wrong_use(format!("the application's URL: {fault}")))?;
    let parameters = parameters(&url, typed, invocation)?;
    if parameters.has_token() && url.is_plain_text() {
        let warning = format!("{url} is not https: whoever is on the way can read the token");
        invocation.printer.warn(warning);
    }
    let mut connection = Connection::new(url);
    let settings = &invocation.settings;
    connection.ca_file = ca_file(&settings.typed, &settings.variables).map(|file| file.value);
    Ok(ApplicationClient::new(&connection)?.with_parameters(parameters))
}

fn parameters(
    url: &GatewayUrl,
    typed: &[Assignment],
    invocation: &Invocation,
) -> Result<Parameters, Failure> {
    let wrong = |name: &str| {
        let name = name.to_owned();
        move |fault| Failure::wrong_use(format!("--param {name}: {fault}"))
    };
    let mut parameters = Parameters::new();
    for Assignment { name, value } in typed {
        match value.strip_prefix('@').filter(|_| name == "token") {
            Some(file) => {
                let key = token_file::read_one(Path::new(file))?;
                parameters.set_token(key.reveal()).map_err(wrong(name))?;
            }
            None => parameters.insert(name, value).map_err(wrong(name))?,
        }
    }
    if parameters.has_token() {
        return Ok(parameters);
    }
    let settings = &invocation.settings;
    if let Some(key) = &settings.typed.api_key {
        parameters.set_token(key.reveal()).map_err(wrong("token"))?;
    } else if let Some(path) = &settings.typed.token_file {
        parameters.set_token(token_file::read_one(path)?.reveal()).map_err(wrong("token"))?;
    } else if let Some(token) = settings.variables.text("TOOLFRONT_TOKEN")? {
        parameters
            .set_token(token)
            .map_err(|fault| Failure::wrong_use(format!("TOOLFRONT_TOKEN: {fault}")))?;
    } else {
        let gateway = settings.gateway()?;
        let is_its_own = gateway.url.is_some_and(|gateway| gateway.value.holds(url));
        if let ResolvedKey::Found(key) = gateway.key
            && is_its_own
        {
            parameters = parameters.with_secret(&key.value);
        }
    }
    Ok(parameters)
}
