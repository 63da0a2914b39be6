//! The operator: settings, clients, servers, election, and an orderly end.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use windlass::act::{self, Cluster, Leadership};
use windlass::config::{Config, identities, term};
use windlass::controller::leader::Elector;
use windlass::controller::queue::Queue;
use windlass::controller::{self, Controller};
use windlass::health::{self, Health, Heartbeat};
use windlass::measure::{self, Prober, Providers};
use windlass::metrics::Metrics;
use windlass::observe::health::Silence;
use windlass::observe::watch::Shared;
use windlass::observe::{GatherConfig, WatchHealth, Writers, watches};
use windlass::telemetry;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Brings the gauges up to date.
type Census = Arc<dyn Fn() + Send + Sync>;

/// Running passes get so long to finish: each write is given up after five seconds.
const FINISH: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let config = match Config::read() {
        Ok(config) => config,
        Err(error) => error.exit(),
    };
    match start(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if tracing::dispatcher::has_been_set() {
                tracing::error!(error = act::with_causes(&*error), "ended");
            } else {
                eprintln!("windlass-operator: {}", act::with_causes(&*error));
            }
            ExitCode::FAILURE
        }
    }
}

fn start(config: Config) -> Result<(), Failure> {
    let metrics = Arc::new(Metrics::new()?);
    telemetry::start(config.log_format, &config.log, metrics.clone())
        .map_err(|error| format!("--log {:?} is no filter: {error}", config.log))?;
    // Before the first client: with two providers in the tree rustls would not know which to take.
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a TLS provider was installed before")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(run(config, metrics));
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn run(config: Config, metrics: Arc<Metrics>) -> Result<(), Failure> {
    let kube_config = kube::Config::infer().await?;
    let writer = act::client(kube_config.clone())?;
    let (grant, leadership) = Leadership::new();
    let (stop, release, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());

    let elector = Elector {
        // A client of its own: renewals never queue behind other writes.
        api: Api::namespaced(act::client(kube_config.clone())?, config.lease_namespace()),
        name: config.lease_name.clone(),
        identity: config.identity.clone(),
        timing: config.timing(),
        grant,
        metrics: metrics.clone(),
    };
    let election = tokio::spawn(elector.run(release.clone()));

    let providers = config.metric_providers.as_deref().map(Providers::read).transpose()?.unwrap_or_default();
    let cluster = Cluster::new(writer, leadership.clone(), metrics.clone());
    let (watches, census) =
        watch(kube::Client::try_from(kube_config)?, &config, cluster, providers, metrics.clone(), &stop, &tasks)?;

    let unready = Arc::new(move || watches.dead().into_iter().map(|kind| format!("watch of {kind} is dead")).collect());
    let heartbeat = Heartbeat::default();
    tokio::spawn(heartbeat.clone().run());
    let leads = Arc::new(move || leadership.is_leader());
    let listener = TcpListener::bind(config.http).await?;
    tracing::info!(address = %listener.local_addr()?, identity = config.identity, "serving");
    tokio::spawn(health::serve(listener, Health { heartbeat, unready, leads, census, metrics }, release.clone()));

    until_told(election, stop, release, tasks).await
}

/// Starts the watches and the loop around them; both end on `stop` and are waited for by `tasks`.
fn watch(
    client: kube::Client,
    config: &Config,
    cluster: Cluster,
    providers: Providers,
    metrics: Arc<Metrics>,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(WatchHealth, Census), Failure> {
    let health = WatchHealth::new(Silence(config.watch_silence()));
    let (writers, queue) = (Writers::default(), Arc::new(Queue::default()));
    let stores = writers.stores();
    let sink = Arc::clone(&queue);
    let shared = Shared {
        stores: stores.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        sink: Arc::new(move |key| sink.add(key)),
    };
    let watching = watches::start(&client, writers, &shared, stop);
    let gather = GatherConfig {
        settings: config.settings(),
        tool_managers: config.tool_managers.clone(),
        providers: Arc::new(providers.names().map(str::to_owned).collect()),
        identities: Arc::new(config.identities.as_deref().map(identities::read).transpose()?.unwrap_or_default()),
        home: config.namespace.clone(),
        term: term().into(),
    };
    let settings = controller::Config { gather, concurrency: usize::from(config.concurrency) };
    let counted = (stores.clone(), health.clone(), metrics.clone());
    let sink = Arc::clone(&queue);
    let tools = measure::Tools {
        providers,
        at_once: usize::from(config.measurements),
        now: controller::now,
        metrics: metrics.clone(),
        sink: Arc::new(move |key| sink.add(key)),
    };
    let controller = Controller::new(cluster, stores, health.clone(), queue, Prober::new(tools)?, metrics, settings);
    tasks.spawn(controller.run(stop.clone()));
    tasks.spawn(async move { watching.wait().await });
    Ok((health, Arc::new(move || controller::census::take(&counted.0, &counted.1, &counted.2))))
}

/// Waits for a signal or a lost leadership. After a signal the queues end, running passes finish, and only then is the
/// lease released: the next leader starts when nothing of ours is under way. After a loss nothing may go on.
async fn until_told(
    mut election: tokio::task::JoinHandle<Result<(), windlass::controller::leader::Error>>,
    stop: CancellationToken,
    release: CancellationToken,
    tasks: TaskTracker,
) -> Result<(), Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        lost = &mut election => {
            stop.cancel();
            lost??;
            return Err("the election ended by itself".into());
        }
    }
    tracing::info!("stopping");
    stop.cancel();
    tasks.close();
    tokio::select! {
        finished = tokio::time::timeout(FINISH, tasks.wait()) => {
            if finished.is_err() {
                tracing::warn!("passes still run after {FINISH:?}");
            }
        }
        lost = &mut election => {
            lost??;
            return Err("the election ended by itself".into());
        }
    }
    release.cancel();
    election.await??;
    Ok(())
}
