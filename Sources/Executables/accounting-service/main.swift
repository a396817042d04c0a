import Accounting
import ServiceKit

await ServiceProgram<AccountingService>.start()
