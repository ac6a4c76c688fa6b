/// What a subject wants to do; the third column of a policy rule.
package enum Action: String, CaseIterable, Sendable {
  case produce
  case consume
  case describe
  case create
  case configure
  case truncate
  case delete
  case cursor
  case clusterRead = "cluster.read"
  case clusterAdmin = "cluster.admin"
  case backup
  case metrics
  case peer
}
