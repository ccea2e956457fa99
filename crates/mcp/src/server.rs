//! The protocol's requests, answered from an [`Application`].

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, DiscoverResult,
    ErrorCode, Implementation, InitializeRequestParams, InitializeResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;
use toolfront_token::without_token_values;

use crate::application::{Application, Content, Refused};
use crate::calls::{CallKey, Calls};
use crate::instructions::instructions;
use crate::tools::{ToolCall, tools};
use crate::{output, page_list, page_uri, progress, resources};

/// The revisions that are spoken, the oldest first.
const REVISIONS: &[ProtocolVersion] =
    &[ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

/// An application as an MCP server.
pub(crate) struct Server<A> {
    application: Arc<A>,
    /// By what a call can be ended that came under this session id.
    session: Option<(Calls, Arc<str>, Arc<str>)>,
}

impl<A> Clone for Server<A> {
    fn clone(&self) -> Self {
        Self { application: Arc::clone(&self.application), session: self.session.clone() }
    }
}

impl<A: Application> Server<A> {
    pub(crate) fn new(application: Arc<A>) -> Self {
        Self { application, session: None }
    }

    /// The same for a request of that caller in that session.
    pub(crate) fn in_session(self, calls: Calls, caller: Arc<str>, session: Arc<str>) -> Self {
        Self { session: Some((calls, caller, session)), ..self }
    }

    /// With the instructions, for which the first page is read.
    async fn described(&self) -> ServerConfig {
        let first = self.application.read("").await.ok();
        let first = first.and_then(|content| String::from_utf8(content.bytes).ok());
        let application = &self.application;
        let text = instructions(application.name(), application.may_run(), first.as_deref());
        self.get_info().with_instructions(text)
    }

    async fn call(
        &self,
        call: ToolCall,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refused> {
        match call {
            ToolCall::ListPages { under } => Ok(page_list::result(&self.application.pages().await?, &under)),
            ToolCall::ReadPage { path } => page_result(self.application.read(&path).await?),
            ToolCall::RunCommand { page, request } => {
                let running = self.application.run(&page, request);
                let token = context.meta.get_progress_token();
                let reply = progress::telling(&context.peer, token, running).await?;
                Ok(output::result(&reply))
            }
        }
    }
}

impl<A: Application> ServerHandler for Server<A> {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        let mut config = ServerConfig::new(capabilities);
        config.server_info =
            Implementation::new("toolfront", env!("CARGO_PKG_VERSION")).with_title(self.application.name());
        config.protocol_version = ProtocolVersion::V_2025_11_25;
        config
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(REVISIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let mut result = self.negotiate_initialize(&request)?;
        result.instructions = self.described().await.instructions;
        Ok(result)
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        Ok(DiscoverResult::from_server_info(REVISIONS.to_vec(), self.described().await))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listed = ListToolsResult::with_all_items(tools(self.application.may_run()));
        Ok(listed.with_ttl_ms(0).with_cache_scope(CacheScope::Private))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools(self.application.may_run()).into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let call = ToolCall::read(&request.name, request.arguments.unwrap_or_default());
        let call = call.ok_or_else(|| {
            let known: Vec<_> = tools(self.application.may_run()).into_iter().map(|tool| tool.name).collect();
            let told = format!("there is no tool {}; there are: {}", request.name, known.join(", "));
            ErrorData::invalid_params(without_token_values(&told), None)
        })?;
        let noted = self.session.as_ref().map(|(calls, caller, session)| {
            let (caller, session) = (Arc::clone(caller), Arc::clone(session));
            let request = context.id.clone().into_json_value().to_string();
            calls.begin(CallKey { caller, session, request })
        });
        let cancelled = async {
            match &noted {
                Some(call) => call.cancelled().cancelled().await,
                None => std::future::pending().await,
            }
        };
        let done = async {
            match call {
                Ok(call) => self.call(call, &context).await,
                Err(refused) => Err(refused),
            }
        };
        let done = tokio::select! {
            done = done => done,
            () = cancelled => Err(Refused::new("The call was cancelled.")),
            () = context.ct.cancelled() => Err(Refused::new("The call was cancelled.")),
        };
        let result = done.unwrap_or_else(|refused| {
            CallToolResult::error(vec![ContentBlock::text(without_token_values(&refused.message))])
        });
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let pages = self.application.pages().await.map_err(error)?;
        let cursor = request.and_then(|request| request.cursor);
        let (listed, next) = resources::listed(&pages, cursor.as_deref());
        let mut listed = ListResourcesResult::with_all_items(listed);
        listed.next_cursor = next;
        Ok(listed.with_ttl_ms(0).with_cache_scope(CacheScope::Private))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let listed = ListResourceTemplatesResult::with_all_items(vec![resources::template()]);
        Ok(listed.with_ttl_ms(0).with_cache_scope(CacheScope::Private))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let not_there =
            || ErrorData::resource_not_found("there is no such resource", Some(json!({ "uri": uri })));
        let path = page_uri::path(&uri).ok_or_else(not_there)?;
        let content = match self.application.read(&path).await {
            Ok(content) => content,
            Err(refused) if refused.is_missing => return Err(not_there()),
            Err(refused) => return Err(error(refused)),
        };
        let result = ReadResourceResult::new(vec![resources::contents(&uri, content)]);
        Ok(result.with_ttl_ms(0).with_cache_scope(CacheScope::Private).into())
    }
}

fn error(refused: Refused) -> ErrorData {
    let code = if refused.is_missing { ErrorCode::RESOURCE_NOT_FOUND } else { ErrorCode::INTERNAL_ERROR };
    ErrorData::new(code, refused.message, None)
}

fn page_result(content: Content) -> Result<CallToolResult, Refused> {
    let media_type = content.media_type.unwrap_or_default();
    match String::from_utf8(content.bytes) {
        Ok(text) => Ok(CallToolResult::success(vec![ContentBlock::text(text)])),
        Err(err) => Err(Refused::new(format!(
            "This is no text ({} bytes, {media_type}): look at it with a command, or read it as a resource.",
            err.as_bytes().len()
        ))),
    }
}
