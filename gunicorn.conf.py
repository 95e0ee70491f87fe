"""gunicorn's own way in: `gunicorn -c gunicorn.conf.py 'app.compose:application()'`.

The options are those of `strongroom serve`, from the same function and environment.

The memory budget of one process, with 32 threads. None of it grows with the size of a file.

    What                                                       each         all
    Python, the service and boto3                                       100 MiB
    Threads: a piece of 1 MiB going out and the next one,
      or a window of 1 MiB and its digests; 256 KiB of TLS  2.5 MiB      80 MiB
    Parts of uploads to S3 (STRONGROOM_UPLOAD_MEMORY), which
      a folder does not need                                          1,088 MiB
    Connections: 1,000 with a head of up to 32 KiB           42 KiB      41 MiB
    Records remembered for 10 s: 5,000, and 32 MiB of them
      as they are stored; 5.6 times that as objects                     180 MiB
    Claims of API keys: 5,000, of users with no grants        3 KiB      15 MiB
    Repositories as they were last seen: 2,000              1.5 KiB       3 MiB
    Verified passwords: 10,000                              0.3 KiB       3 MiB
    Headers of downloads: 8,192                             1.1 KiB       9 MiB
    Headers of types: 4,096                                 2.2 KiB       9 MiB
    Keys of repositories, addresses, hosts                                4 MiB
    Room for the allocator, a tenth                                     153 MiB
    Total                                                             1,685 MiB

A claim keeps the grants of its user as they were last read, at most 0.6 KiB for each: 5,000
keys in use, of users with 50 grants each, are up to 160 MiB and not 15. So do the principals
of the last 1,000 passwords.

On a folder it is about 530 MiB, with 40 MiB for 65,536 folders known to be there. More threads
cost 2.5 MiB each; a larger STRONGROOM_UPLOAD_MEMORY costs what it says, in each of the
STRONGROOM_WORKERS.
"""

import os

from app.server.run import gunicorn_options
from app.settings import read_settings

# gunicorn takes its options from the names of this module.
globals().update(gunicorn_options(read_settings(os.environ)))
