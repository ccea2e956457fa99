//! The endpoints of an environment's secrets. Their values go in and never come out.

use reqwest::Method;
use toolfront_api::{Data, Secret, SetSecret};

use crate::api_client::{ApiClient, NO_BODY};
use crate::error::ClientError;

impl ApiClient {
    /// Stores a secret, in the place of the one that has its name.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn set_secret(
        &self,
        environment: &str,
        name: &str,
        secret: &SetSecret,
    ) -> Result<Secret, ClientError> {
        let segments = ["environments", environment, "secrets", name];
        let answer: Data<Secret> = self.call(Method::PUT, &segments, &[], Some(secret)).await?;
        Ok(answer.data)
    }

    /// The secrets of an environment by name, without their values.
    ///
    /// # Errors
    /// [`ClientError`] when a call does not succeed.
    pub async fn secrets(&self, environment: &str) -> Result<Vec<Secret>, ClientError> {
        self.whole_list(&["environments", environment, "secrets"]).await
    }

    /// Deletes a secret.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed; 404 when there is none of that name.
    pub async fn delete_secret(&self, environment: &str, name: &str) -> Result<Secret, ClientError> {
        let segments = ["environments", environment, "secrets", name];
        let answer: Data<Secret> = self.call(Method::DELETE, &segments, &[], NO_BODY).await?;
        Ok(answer.data)
    }
}
