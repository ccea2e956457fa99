//! The endpoints of environments and their releases. Where one is named, it is by its id or its name.

use reqwest::Method;
use toolfront_api::{
    CreateEnvironment, Data, Deployed, Environment, Page, PatchEnvironment, Publish, Published, Release,
    Rollback,
};

use crate::api_client::{ApiClient, NO_BODY};
use crate::error::ClientError;

impl ApiClient {
    /// Makes an environment, with a first release or without.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed; 409 when the name is taken.
    pub async fn create_environment(&self, new: &CreateEnvironment) -> Result<Environment, ClientError> {
        let answer: Data<Environment> = self.call(Method::POST, &["environments"], &[], Some(new)).await?;
        Ok(answer.data)
    }

    /// All environments that the token may see.
    ///
    /// # Errors
    /// [`ClientError`] when a call does not succeed.
    pub async fn environments(&self) -> Result<Vec<Environment>, ClientError> {
        self.whole_list(&["environments"]).await
    }

    /// One environment.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn environment(&self, environment: &str) -> Result<Environment, ClientError> {
        let answer: Data<Environment> =
            self.call(Method::GET, &["environments", environment], &[], NO_BODY).await?;
        Ok(answer.data)
    }

    /// Makes the environment with this name, or publishes a release of the one that there is.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn create_or_publish(&self, name: &str, release: &Publish) -> Result<Deployed, ClientError> {
        let segments = ["environments", "by-name", name];
        let answer: Data<Deployed> = self.call(Method::PUT, &segments, &[], Some(release)).await?;
        Ok(answer.data)
    }

    /// Publishes a release of an environment. The same files as are served already make none.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn publish(&self, environment: &str, release: &Publish) -> Result<Environment, ClientError> {
        let segments = ["environments", environment, "publish"];
        let answer: Data<Environment> = self.call(Method::POST, &segments, &[], Some(release)).await?;
        Ok(answer.data)
    }

    /// Changes what is given of an environment.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn patch_environment(
        &self,
        environment: &str,
        change: &PatchEnvironment,
    ) -> Result<Environment, ClientError> {
        let answer: Data<Environment> =
            self.call(Method::PATCH, &["environments", environment], &[], Some(change)).await?;
        Ok(answer.data)
    }

    /// Deletes an environment and its releases.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn delete_environment(&self, environment: &str) -> Result<Environment, ClientError> {
        let answer: Data<Environment> =
            self.call(Method::DELETE, &["environments", environment], &[], NO_BODY).await?;
        Ok(answer.data)
    }

    /// The releases of an environment, the newest first.
    ///
    /// # Errors
    /// [`ClientError`] when a call does not succeed.
    pub async fn releases(&self, environment: &str) -> Result<Vec<Release>, ClientError> {
        self.whole_list(&["environments", environment, "releases"]).await
    }

    /// Makes an earlier release the current one.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn rollback(&self, environment: &str, release: u32) -> Result<Published, ClientError> {
        let segments = ["environments", environment, "rollback"];
        let answer: Data<Published> =
            self.call(Method::POST, &segments, &[], Some(&Rollback { release })).await?;
        Ok(answer.data)
    }

    /// All answers of a list, one after the other.
    pub(crate) async fn whole_list<T: serde::de::DeserializeOwned>(
        &self,
        segments: &[&str],
    ) -> Result<Vec<T>, ClientError> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let query: Vec<_> = cursor.take().map(|cursor| ("cursor", cursor)).into_iter().collect();
            let page: Page<T> = self.call(Method::GET, segments, &query, NO_BODY).await?;
            found.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(found),
            }
        }
    }
}
