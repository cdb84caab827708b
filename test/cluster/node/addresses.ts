/** Names and addresses of the one node a machine can carry. */
export const nodeName = 'attune-node'
/** The API server's and the node's own address, on loopback so that pods reach it as a host. */
export const hostAddress = '10.97.0.1'
export const podRange = '10.244.0.0/24'
export const bridgeName = 'attune0'
export const nftTable = 'attune'
/** The name under which the one cluster of a machine is recorded. */
export const clusterRunName = 'cluster'
export const cgroupName = 'attune'
export const podNetworkName = 'attune'
