//! All stories, one per file. Each is told on a real API server, and its claim is what it shows.

use std::pin::Pin;

use anyhow::Result;

use crate::story::Story;

/// What a story needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The shared control plane without the operator.
    Bare,
    /// The shared control plane and the shared operator, in namespaces of its own.
    Shared,
    /// A cluster of its own, where it starts operators itself.
    Own,
    /// The same, without our CRDs: where installing is the story.
    Empty,
    /// The control plane, operator and router that all stories with traffic share, in a network namespace; in
    /// namespaces of its own.
    Traffic,
    /// The same in a network namespace of its own and without an operator: the story starts its own, and may kill it.
    TrafficOwn,
}

impl Kind {
    /// Whether the story has a cluster to itself.
    pub fn is_alone(self) -> bool {
        matches!(self, Self::Own | Self::Empty | Self::TrafficOwn)
    }

    /// Whether it is told in a network namespace.
    pub fn is_apart(self) -> bool {
        matches!(self, Self::Traffic | Self::TrafficOwn)
    }
}

type Telling<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// One story in the list.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    pub kind: Kind,
    pub claim: &'static str,
    pub run: for<'a> fn(&'a Story) -> Telling<'a>,
}

/// Declares the module of each story and lists them all.
macro_rules! stories {
    ($($name:ident $kind:ident $claim:literal)*) => {
        $(mod $name;)*

        /// Every story, in the order they are started.
        pub fn all() -> Vec<Entry> {
            vec![$(Entry {
                name: stringify!($name),
                kind: Kind::$kind,
                claim: $claim,
                run: |story| Box::pin($name::run(story)),
            }),*]
        }
    };
}

stories! {
    straight_through Shared "a release goes from staging to production by itself"
    traffic_is_real Traffic "requests go through a real router to the pods by weight, and what is lost is seen"
    routed_canary_through Traffic "a user sees the share of each step of a routed canary, and no request fails, through to the end or back"
    routed_check_errors Traffic "a build that answers with errors is taken back by its route, and only its own answers were bad"
    routed_stable_unready Traffic "requests do not go back to a workload without ready pods, and go back when it has one"
    routed_beside_an_autoscaler Traffic "beside a clone that takes every request the autoscaler keeps the workload big enough to take all back"
    routed_clone_loses_its_pods TrafficOwn "a clone without ready pods gets no requests until it has some"
    routed_canary_contested Traffic "weights that someone else writes are put right once, then the canary goes back and names them"
    routed_canary_refused Traffic "what a route cannot be made for is refused, with the remedy, before anything is written"
    routed_pipeline_deleted Traffic "a pipeline deleted at any step takes its clone, route and Services with it"
    gateway_api_comes_later Own "without the Gateway API the operator is ready and says what is missing, and needs no restart when it comes"
    green_switch_and_back Traffic "blue-green is tested before anyone gets it, switched at once, and taken back in one write"
    existing_route Traffic "someone's route is weighed with its owner's leave, and is left answering when the pipeline goes"
    grpc_canary Traffic "a canary of a gRPC service by the weights of a GRPCRoute, ours or someone's, loses no call"
    routed_operator_killed TrafficOwn "an operator killed at each step of a routed canary, and around a switch, loses no request"
    autoscaler_is_real Traffic "a real autoscaler follows the load that a story sets, and loses no request"
    cluster_is_real Bare "the cluster is the real thing, and pods behave on cue"
    harness_leaves_nothing_behind Bare "a killed or interrupted harness leaves no process and no file"
    each_rule_with_its_message Own "the API server refuses bad input in words that name the field"
    kubectl_explain_reads_well Bare "kubectl explain tells what each field means"
    failing_suite Shared "a failed suite bans the build, takes it back, and keeps it out of production"
    errored_is_not_failed Shared "a broken suite condemns nothing; Retry runs it again"
    verdict_rules Shared "what each end of a Job says about a build"
    external_suite Shared "CI reports into a TestRun's status"
    coverage_must_suffice Shared "a pass that covers less than the pipeline asks for is none"
    hooks_in_order Shared "back-up, migration, clean-up, suite and smoke test run once each, in order, around the exposure"
    migration_fails Shared "a migration that fails exposes nothing, is undone, and keeps no later build"
    migration_undone Shared "a build that fails after its migration goes back, and the migration with it, unless that has no way back"
    hook_runs_once Own "a hook whose Job is deleted, whose pod is lost, or whose operator is killed runs once"
    later_failure_withdraws Shared "a passed suite that fails later takes its evidence back"
    bad_image_in_staging Shared "an image that never becomes ready goes back"
    bad_image_in_production Shared "what fails in production goes back there alone"
    early_failures Shared "crash loops, pull errors, quotas and full nodes are caught in seconds"
    brief_readiness Shared "a moment of readiness does not reset the clock"
    health_lost_in_the_bake Shared "containers that fail in the bake take the build back; lost pods do not"
    check_errors_reverted Shared "too many errors of the new pods take the build back, before it is delivered and in the bake"
    check_refused Shared "a check that could never have an answer is refused before anything is written"
    check_without_answer Shared "a check without an answer condemns nothing: back without a ban before delivery, no revert after it"
    check_flaps Shared "single bad samples are borne, idle is told, and worse than before goes back"
    measured_suite Shared "a suite that is measured passes, fails or gives no verdict"
    forty_at_one_opening Own "forty pipelines at one opening: three at a time, in the order in which they asked, without a storm of writes"
    thirty_in_their_bake Own "a provider that fails for thirty pipelines takes a tenth back at most, with one page"
    second_workload_fails Shared "two workloads go and come back as one"
    stateful_set_reverted Shared "a StatefulSet that bars its own way back is freed of its broken pod, and of no other"
    daemon_set Shared "a DaemonSet is judged by its own counts"
    cron_job Shared "a CronJob is judged by its next Job"
    canary_through Shared "a canary goes by the number of pods, says what share that is, and comes home"
    canary_reverted Shared "a canary that fails is taken back, and the workload was never touched"
    canary_without_a_verdict Shared "a canary without a verdict leaves what ran before, and the next one is a canary again"
    canary_pauses Shared "a canary stays at its step while it is paused, goes on by Promote, and ends by Abort"
    canary_quota Shared "a quota in the way of a clone, and of the way home, is told; the build stays where it answers"
    canary_template_changed Shared "a template that changes beside a clone starts the canary anew"
    canary_follows_the_workload Shared "a clone follows the size of its workload, comes again when it is deleted, and stays where it alone answers"
    canary_refused Shared "what cannot run beside a clone is refused before anything is written"
    canary_with_a_stateful_set Shared "workers of a canary are rolled when it is proven"
    canary_pipeline_deleted Shared "a pipeline deleted at any step of a canary leaves no clone, and the images as they were"
    canary_operator_killed Own "killed at each step of a canary, the operator ends where it would have ended"
    revert_across_schema Shared "what cannot read the data that a release left is not gone back to, and it is said why"
    image_only Shared "a revert under another template does not say that all is as it was"
    container_renamed Shared "a container that is renamed in mid-rollout leaves no ghost"
    template_changed_while_idle Shared "a template that fails by itself is told, and costs no build its place"
    canary_with_requests Traffic "the share that requests see is the one that each step says, and none is lost"
    canary_check_errors Traffic "errors of a clone's own pods, and redirects, take a canary back while the workload answers"
    build_tests Shared "nothing is exposed before the suites about the build itself have passed; one that fails keeps it out, or takes it back"
    canary_beside_an_autoscaler Traffic "the autoscaler keeps the workload big enough to take everything back, and the clone follows"
    canary_preflight Shared "before a canary the status says what takes a clone for the application, and what leaves it out is told"
    canary_locks_an_autoscaler Traffic "an autoscaler that does not count the clone does not shrink the workload beside it, and is as before afterwards"
    evidence_goes_stale Shared "a template that changes in staging has the suites run again before production"
    same_digests Shared "the same digests under another version are tested again, and banned alike"
    ban_cannot_be_written Shared "a revert does not wait for the record of the ban"
    job_deleted_while_operator_is_down Own "a Job that is gone is never made again"
    status_at_its_size_limit Shared "a full status loses its oldest lines and nothing else"
    kstatus_of_every_phase Shared "what Flux and Argo CD make of each phase"
    newest_with_open_gates Shared "staging takes the newest, production each proven one, nothing starves"
    ancient_release_recreated Shared "a release that is created again delivers nothing"
    promote_of_an_older_one Shared "Promote of an older one is delivered where it stays, and refused where it would not"
    promote_stands_until_proven Shared "a Promote stands until the evidence is there"
    withdraw Shared "a withdrawn release is reverted everywhere and never comes again"
    pins Shared "a pinned stage goes back and stays, past a hold; everyone who waits is told; what cannot be met changes nothing"
    paused_release Shared "a paused release stays where it is, and its deadline stops"
    suspended_pipeline Shared "a suspended pipeline raises no exposure, and still goes back"
    abort Shared "Abort goes back without a ban"
    revert_hold_unhold Shared "Revert holds, and only a person brings the reverted build back"
    unban Shared "Unban takes the Ban away, and a person brings the build back"
    paused_is_judged Shared "what a paused rollout has set is judged on"
    branches Shared "a release goes through two environments side by side, and comes to what is after both when both have proven it"
    adoption_and_return_to_revision_0 Shared "what runs at first sight is recorded, and a bad first release goes back to it"
    foreign_image_write Shared "an image that someone else wrote is not overwritten without a person"
    flux_field_guard Empty "beside Flux the image is ours and the rest of the template is git's, whatever git says"
    guard_of_every_kind Empty "the field guard keeps containers and init containers of every kind of workload, and nothing else"
    flux_contested Own "what Flux puts back is put right once, then people are told; with its ignore rule all is well"
    flux_git_path Empty "a commit delivers and its revert goes back, on record with its revision; what people decide outlives every reconcile"
    rollout_undo Shared "an undo by hand is left alone, a late write of our own is taken back"
    workload_deleted_and_recreated Shared "a workload made anew gets its build back"
    two_pipelines_on_one_workload Shared "a workload has one writing pipeline, until that one is gone"
    consent Shared "nothing is written where the owner has not let the Environment in"
    missing_references Shared "what is named and not there is waited for, named, and taken up when it comes"
    bad_specs Shared "what cannot be delivered as written says so with the field's name"
    soak Shared "a build soaks upstream as long as the owner says, and a break starts its time anew"
    windows Shared "a release waits for its window and is told when it opens; what has started goes on when it closes"
    freeze Own "a freeze stops a canary where it is and lets nothing start, whoever asks for it; every way back is open"
    stage_removed_and_added Shared "a stage taken out goes back first, and added again it adopts"
    stale_reads_and_conflicts Shared "a rollout ends although someone else writes its workload all the time"
    writes_are_few Own "a whole delivery takes few writes, and calm takes none"
    status_wiped_after_a_ban Own "what is lost with all status is adopted again, and bans still bind"
    operator_killed_at_random_moments Own "killed at any moment, the operator ends where it would have ended"
    write_gate Own "each kind of write is guarded as the code takes it to be"
    late_writes_of_an_old_leader Own "no write that an old leader had under way changes anything once another has decided"
    two_replicas_leader_killed Own "of two replicas one acts, and the other takes over"
    shutdown_is_graceful Own "a stopped operator hands over at once"
    health_endpoints_and_metrics Shared "live, ready, metrics and logs tell what they should, and a silent watch is noticed"
    orphan_jobs Shared "a Job of ours that nobody looks after does not block its namespace"
    undecodable_object_delays_no_other Own "what cannot be read delays no other, and is not taken for deleted"
    reapply_is_a_noop Own "applying again is no rollout and no write"
    head_forward_back_forward Shared "the git head forward, back and forward again"
    head_is_the_bound Shared "nothing above the git head is delivered"
    release_pruned_revert_still_works Shared "a revert needs no Release object"
    fifty_releases_at_first_sight Shared "many releases at first sight wait for a person"
    release_deleted_in_mid_rollout Shared "a Release that is deleted goes when the previous build is back"
    pipeline_deleted_in_mid_rollout Shared "a pipeline that is deleted goes back first, and its Bans still bind"
    environment_deleted_in_mid_rollout Shared "an Environment that is deleted goes when the previous build is back"
    test_run_deleted Shared "a verdict survives its TestRun"
    decision_deleted Shared "a Decision that is gone acts no more"
    target_namespace_deleted Shared "a Namespace that is deleted ends the rollout, and nothing spins"
    manual_promotion_and_available Shared "a Manual stage waits for a person, and says so"
    decision_recipes Shared "every sample of a Decision works"
    events_on_transitions Shared "transitions are told once"
    retention Shared "old TestRuns and used Decisions go, what binds stays"
    on_the_record Empty "who asked, what went in, what was proven by whom, who approved, when it was exposed, what happened then"
    freeze_while_deaf Own "a freeze that the operator's watches do not tell of stops the write that was planned before it"
    freeze_too_long Shared "a canary that stands still for longer than its stage allows is aborted, and nothing is banned"
    owner_and_release_bound Shared "the suites and checks that an owner asks for, and a release's last stage, keep it out and say so"
    weekly_train Shared "once a week the newest proven build leaves; an older one is skipped, one that is not proven waits for the next"
    why_not_yet Shared "kubectl get, kubectl describe and an event say the same of each gate that keeps a release"
    approvals Empty "two of a group approve before a build enters, no author among them, and a rejection stands"
    approvals_are_of_one_build Empty "an approval is of one build, and counts only while the admission policies are in force"
    hotfix_in_a_freeze Empty "developers promote their own change where they may; a hotfix passes a freeze by Override, once and on record"
    chart_installs Empty "the chart's rights and settings are enough for a whole delivery, and no more than that"
    kustomize_base_is_the_chart Empty "config/ is what the chart renders, and kubectl apply -k installs it"
    samples_apply Own "the samples are applied as they are, and their release is delivered"
    users_are_stamped Empty "the API server puts the user's own name on releases, decisions and heads, or demands it"
    who_may_what Empty "the table of permissions holds: every way in, with every role"
    readme_recipes Shared "the README's lines do what the README says"
}
