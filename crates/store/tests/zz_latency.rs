#![cfg(test)]
#[path = "contract"]
mod contract {
    #[expect(dead_code, reason = "x")]
    pub(crate) mod world;
}
#[path = "cluster/nodes.rs"]
mod nodes;
use crate::contract::world::{at, grant};
use std::time::Instant;
use toolfront_token::Scope;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latency() {
    let n = std::env::var("N").unwrap().parse().unwrap();
    let nodes = nodes::of(n).await;
    let mut times = Vec::new();
    let mut creates = Vec::new();
    for _ in 0..300 {
        let t = Instant::now();
        let r = nodes[0].issue(grant(Scope::Read), at(1)).await;
        creates.push(t.elapsed());
        let t = Instant::now();
        nodes[0].revoke(&r, at(2)).await;
        times.push(t.elapsed());
    }
    times.sort();
    creates.sort();
    println!("nodes {n}: revoke p50 {:?} p90 {:?}; create p50 {:?}", times[150], times[270], creates[150]);
    let place = nodes[0].backend.place();
    let toolfront_store::DatabasePlace::Postgres(_) = place.database else { panic!() };
    let url = std::env::var("TOOLFRONT_TEST_POSTGRES").unwrap();
    let times = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute("CREATE TABLE IF NOT EXISTS public.one (id BIGINT)").await.unwrap();
            let s = client.prepare("INSERT INTO public.one VALUES ($1)").await.unwrap();
            let mut times = Vec::new();
            for i in 0..500i64 {
                let t = Instant::now();
                client.execute(&s, &[&i]).await.unwrap();
                times.push(t.elapsed());
            }
            let mut rt = Vec::new();
            let q = client.prepare("SELECT 1").await.unwrap();
            for _ in 0..500 {
                let t = Instant::now();
                client.query(&q, &[]).await.unwrap();
                rt.push(t.elapsed());
            }
            rt.sort();
            times.sort();
            println!("round trip p50 {:?}", rt[250]);
            times
        })
    })
    .join()
    .unwrap();
    println!("commit p50 {:?} p90 {:?}", times[250], times[450]);
}
