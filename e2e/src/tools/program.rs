//! Each program with its module, package, build tags and the linker flags that make it tell its true version.

/// One program of the test cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    Etcd,
    ApiServer,
    ControllerManager,
    Scheduler,
    Kwok,
    Kubectl,
    Helm,
    Traefik,
    SourceController,
    KustomizeController,
}

/// The Kubernetes version that `tools/kube` pins.
pub const KUBERNETES_VERSION: &str = "v1.36.2";

impl Program {
    /// What every cluster needs. The short ones to build first: a first run shows early that it works.
    pub const CLUSTER: [Self; 7] =
        [Self::Etcd, Self::Kwok, Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Kubectl, Self::Helm];
    /// What stories with traffic need besides.
    pub const TRAFFIC: [Self; 1] = [Self::Traefik];
    /// What stories with Flux need besides.
    pub const FLUX: [Self; 2] = [Self::SourceController, Self::KustomizeController];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::CLUSTER.into_iter().chain(Self::TRAFFIC).chain(Self::FLUX)
    }

    /// The file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
            Self::Traefik => "traefik",
            Self::SourceController => "source-controller",
            Self::KustomizeController => "kustomize-controller",
        }
    }

    /// The program of that file name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|program| program.name() == name)
    }

    /// The folder under `tools/` whose module files pin it.
    pub(super) fn family(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
            Self::Traefik => "traefik",
            Self::SourceController | Self::KustomizeController => "flux",
            Self::ApiServer | Self::ControllerManager | Self::Scheduler | Self::Kubectl => "kube",
        }
    }

    pub(super) fn package(self) -> String {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3".to_owned(),
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok".to_owned(),
            Self::Helm => "helm.sh/helm/v4/cmd/helm".to_owned(),
            Self::Traefik => "github.com/traefik/traefik/v3/cmd/traefik".to_owned(),
            Self::SourceController | Self::KustomizeController => format!("github.com/fluxcd/{}", self.name()),
            Self::ApiServer | Self::ControllerManager | Self::Scheduler | Self::Kubectl => {
                format!("k8s.io/kubernetes/cmd/{}", self.name())
            }
        }
    }

    /// The arguments of `go build` that decide what comes out.
    pub(super) fn flags(self) -> Vec<String> {
        let mut flags = vec!["-trimpath".to_owned(), "-buildvcs=false".to_owned(), "-mod=readonly".to_owned()];
        if self.family() == "kube" {
            flags.push("-tags=selinux,notest,grpcnotrace".to_owned());
        }
        flags.push(format!("-ldflags=-s -w {}", self.version_flags()));
        flags
    }

    /// Without these `/version` and `kubectl version` tell nonsense.
    fn version_flags(self) -> String {
        match self.family() {
            "kwok" => "-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0".to_owned(),
            "helm" => "-X helm.sh/helm/v4/internal/version.version=v4.2.4".to_owned(),
            "traefik" => "-X github.com/traefik/traefik/v3/pkg/version.Version=3.6.12".to_owned(),
            "kube" => ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
                .map(|package| {
                    format!(
                        "-X {package}.gitVersion={KUBERNETES_VERSION} -X {package}.gitMajor=1 -X {package}.gitMinor=36 \
                         -X {package}.gitTreeState=clean -X {package}.buildDate=1970-01-01T00:00:00Z"
                    )
                })
                .join(" "),
            _ => String::new(),
        }
    }
}
