//! A store of objects in memory, with faults: a call may be lost before it arrives, its answer after, or wait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

use crate::stage::seam::Fault;

type Script = Box<dyn FnMut(&str) -> Fault + Send>;

/// Clones share objects and script.
#[derive(Clone)]
pub(super) struct Objects {
    inner: Arc<InMemory>,
    script: Arc<Mutex<Script>>,
}

impl Default for Objects {
    fn default() -> Self {
        Self { inner: Arc::default(), script: Arc::new(Mutex::new(Box::new(|_| Fault::None))) }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

fn lost() -> object_store::Error {
    object_store::Error::Generic { store: "test", source: "lost".into() }
}

impl Objects {
    /// The same objects on a network of their own.
    pub(super) fn beside(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), ..Self::default() }
    }

    /// From now on `script` says what happens to each call.
    pub(super) fn script(&self, script: impl FnMut(&str) -> Fault + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Objects under a prefix, without it.
    pub(super) async fn files(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let all: Vec<ObjectMeta> = self.inner.list(Some(&Path::from(prefix))).try_collect().await.unwrap();
        let mut found = BTreeMap::new();
        for meta in all {
            let bytes = self.inner.get(&meta.location).await.unwrap().bytes().await.unwrap();
            found.insert(meta.location.as_ref().strip_prefix(prefix).unwrap().to_owned(), bytes.to_vec());
        }
        found
    }

    async fn through<T>(&self, what: &str, call: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = (self.script.lock().unwrap())(what);
        // Others may come in between any two calls.
        tokio::task::yield_now().await;
        match fault {
            Fault::None => call.await,
            Fault::DropAfter => {
                let _ = call.await;
                Err(lost())
            }
            _ => Err(lost()),
        }
    }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.through("put", self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.through("get", self.inner.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
