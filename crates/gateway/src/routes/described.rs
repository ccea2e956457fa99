//! Routes that can describe themselves, and do so only when they are asked: describing all of them takes megabytes of code, which a
//! gateway that nobody asks need not load.

use axum::Router;
use axum::routing::MethodRouter;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::gateway::Gateway;

type Describe = fn() -> UtoipaMethodRouter<Gateway>;

/// The routes of a part of the API.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Gateway>,
    descriptions: Vec<Describe>,
}

/// What [`routes`] makes: the handlers of one path, and their description.
pub(super) struct Described {
    pub(super) path: String,
    pub(super) handlers: MethodRouter<Gateway>,
    pub(super) describe: Describe,
}

/// The handlers of one path, by the methods that their `#[utoipa::path(…)]` names.
macro_rules! routes {
    ($first:ident $(, $more:ident)*) => {{
        use utoipa::Path as _;
        use utoipa_axum::PathItemExt as _;
        let handlers = axum::routing::MethodRouter::new();
        let handlers = $crate::routes::described::routes!(@on handlers, $first $(, $more)*);
        $crate::routes::described::Described {
            path: pastey::paste!([<__path_ $first>]::path()),
            handlers,
            describe: || utoipa_axum::routes!($first $(, $more)*),
        }
    }};
    (@on $handlers:ident $(, $handler:ident)+) => {{
        $(
            let methods = pastey::paste!([<__path_ $handler>]::methods());
            let $handlers =
                methods.iter().fold($handlers, |all, method| all.on(method.to_method_filter(), $handler));
        )+
        $handlers
    }};
}

pub(super) use routes;

impl Routes {
    pub(super) fn routes(mut self, described: Described) -> Self {
        self.router = self.router.route(&described.path, described.handlers);
        self.descriptions.push(described.describe);
        self
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.descriptions.extend(other.descriptions);
        self
    }

    pub(super) fn into_router(self) -> Router<Gateway> {
        self.router
    }

    /// Adds what these routes are to a document.
    pub(super) fn describe_in(self, document: OpenApi) -> OpenApi {
        let described = OpenApiRouter::with_openapi(document);
        self.descriptions.into_iter().fold(described, |all, describe| all.routes(describe())).into_openapi()
    }
}
