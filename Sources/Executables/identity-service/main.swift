import Identity
import ServiceKit

await ServiceProgram<IdentityService>.start()
